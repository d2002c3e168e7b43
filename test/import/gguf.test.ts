/** Tiny random models as GGUF files, written by the format's own writer, beside the logits of transformers 5.18 in f64. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configOfGguf } from '../../cli/import/gguf/config.ts'
import { importModel } from '../../cli/import/import.ts'
import { compileGraph } from '../../compiler/compile.ts'
import { fileSource, openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { openGguf, type GgufFile } from '../../runtime/checkpoint/gguf/open.ts'
import type { GgufValue } from '../../runtime/checkpoint/gguf/values.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

const folder = join(root, 'test/fixtures/gguf')
const types = ['llama', 'mixtral', 'qwen2', 'qwen3', 'qwen2_moe', 'qwen3_moe', 'olmoe']

async function fileOf(type: string): Promise<GgufFile> {
  const file = await openGguf(await fileSource(join(folder, `${type}.gguf`)))
  await file.source.close()
  return file
}

function specOf(file: GgufFile): string {
  const found = configOfGguf(file)
  if (found.kind === 'unsupported') throw new Error(found.problems.join('\n'))
  const imported = importModel(found.config, { gguf: found.architecture })
  if (imported.kind === 'unsupported') throw new Error(imported.message)
  expect(imported.notes).toEqual([])
  return imported.spec
}

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

describe.each(types)('%s', (type) => {
  test('has the logits of transformers on the cpu device', async () => {
    const text = specOf(await fileOf(type))
    const { plan, diagnostics } = compileGraph(graphOf({ path: `${type}.smoe`, text }), device.target)
    if (plan === null) throw new Error(framed(diagnostics))
    const session = await createSession(device, plan)
    const tensors = await openCheckpoint(join(folder, `${type}.gguf`))
    await session.loadWeights(tensors)
    await tensors.close()
    const { input_ids: ids, logits } = readSafetensors(join(folder, `${type}.safetensors`))
    const found = await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } })
    session.dispose()
    expect(relativeError(found.logits.data, logits.values)).toBeLessThanOrEqual(2e-5)
    expect(argmaxRows(found.logits.data, 40)).toEqual(argmaxRows(logits.values, 40))
  })
})

const changed = (file: GgufFile, changes: Readonly<Record<string, GgufValue>>): GgufFile => ({
  ...file,
  values: new Map([...file.values, ...Object.entries(changes)]),
})

const refusals: readonly (readonly [type: string, changes: Readonly<Record<string, GgufValue>>, message: RegExp])[] = [
  [
    'qwen3_moe',
    { 'general.architecture': 'mamba' },
    /the architecture 'mamba' of a GGUF file is not supported \(read are llama, /,
  ],
  ['qwen3_moe', { 'general.architecture': 7 }, /'general.architecture' is missing/],
  ['qwen3_moe', { 'qwen3moe.expert_gating_func': 2 }, /'qwen3moe.expert_gating_func' is 2: only 1, softmax/],
  ['qwen3_moe', { 'qwen3moe.expert_group_count': 4 }, /'qwen3moe.expert_group_count' is 4: one group/],
  ['qwen3_moe', { 'qwen3moe.expert_weights_scale': 2.5 }, /'qwen3moe.expert_weights_scale' is 2.5/],
  ['qwen3_moe', { 'qwen3moe.attention.sliding_window': 8 }, /keys that nothing reads: qwen3moe.attention.sliding_window/],
  ['qwen3_moe', { 'qwen3moe.block_count': 'two' }, /'qwen3moe.block_count' must be a number, not "two"/],
  ['qwen3_moe', { 'qwen3moe.rope.scaling.type': 'yarn' }, /'qwen3moe.rope.scaling.type' is 'yarn'/],
  ['qwen3', { 'qwen3.rope.dimension_count': 4 }, /'qwen3.rope.dimension_count' is 4 of 6/],
]

test.each(refusals)('%s with %j is refused', async (type, changes, message) => {
  const found = configOfGguf(changed(await fileOf(type), changes))
  expect(found.kind === 'unsupported' ? found.problems.join('\n') : '').toMatch(message)
})
