/** Exported folders of every architecture: each tensor has the bits that the files of the hub have. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import type { Layout } from '../../cli/import/names/source.ts'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { lowered } from '../../cli/export/given.ts'
import type { Lowered } from '../../cli/export/refusal.ts'
import { AS_IT_IS } from '../../cli/export/gather.ts'
import { exportedTensors, type ExportedTensor } from '../../cli/export/tensors.ts'
import { checkedModel } from '../../cli/import/weights.ts'
import { processTerminal } from '../../cli/terminal.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { IN_LONG_ALONE, inRun, MORE_IN_LONG } from '../support/runs.ts'
import { root } from '../support/sources.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { weightsOf } from '../support/weights.ts'
import { place } from '../cli/harness.ts'

const terminal = processTerminal()
const fixtures = join(root, 'test/fixtures')
const elsewhere: readonly string[] = ['llama', 'mixtral', 'olmoe']
const hubOf = (type: string): Promise<Checkpoint> => openCheckpoint(join(folderOf(type), 'model.safetensors'))
const folderOf = (type: string): string => join(fixtures, elsewhere.includes(type) ? 'checkpoints' : 'architectures', type)

async function bytesOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

/** The same names, types, shapes and bits as a checkpoint has. */
async function expectSame(tensors: readonly ExportedTensor[], checkpoint: Checkpoint): Promise<void> {
  const facts = [...checkpoint.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }))
  const byName = <T extends { readonly name: string }>(list: readonly T[]): readonly T[] =>
    list.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  expect(byName(tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })))).toEqual(byName(facts))
  for (const { name, bytes, pieces } of tensors) {
    const found = await bytesOf(pieces())
    expect(found.equals(await checkpoint.read(name, 0, bytes)), name).toBe(true)
  }
}

function importedSpec(type: string, layout: Layout): string {
  const result = importModel(JSON.parse(readFileSync(join(folderOf(type), 'config.json'), 'utf8')), { layout })
  if (result.kind !== 'spec') throw new Error(result.message)
  return result.spec
}

const modelOf = (type: string, layout: Layout): Lowered => lowered(checkedModel(type, importedSpec(type, layout), terminal))

/** The weights of a model under their paths, in f32, as training saves them. */
function byPath({ graph }: Lowered, type: string): Checkpoint {
  const weights = weightsOf(graph, readSafetensors(join(folderOf(type), 'model.safetensors')))
  const tensors = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, values }]) => [name, { shape, data: Float32Array.from(values) }]),
  )
  return { ...memoryCheckpoint(tensors), isByPath: true }
}

/** The numbers of the hub's files, where an export in f32 holds those. */
async function expectNumbers(tensors: readonly ExportedTensor[], checkpoint: Checkpoint): Promise<void> {
  for (const { name, shape, pieces } of tensors) {
    const { data, shape: wanted } = await readTensor(checkpoint, name)
    const bytes = await bytesOf(pieces())
    expect(shape, name).toEqual(wanted)
    expect(new Float32Array(new Uint8Array(bytes).buffer), name).toEqual(Float32Array.from(data as Float32Array))
  }
}

/** Strided, sliced by rows, and experts in one tensor in both layouts; the long run has the other types. */
const SHORT: readonly string[] = ['gpt_oss', 'dbrx', 'granitemoe']
const types = inRun<readonly string[]>({
  short: SHORT,
  long: supportedModelTypes.filter((type) => !SHORT.includes(type)),
  whole: supportedModelTypes.filter((type) => !SHORT.includes(type)),
})

describe.each(types)('%s', MORE_IN_LONG, (type) => {
  test('weights by their paths become the tensors of the hub, each of them whole', { timeout: 60_000 }, async () => {
    const [checkpoint, model] = [await hubOf(type), modelOf(type, 'hub')]
    const { tensors, isVerbatim } = exportedTensors({
      from: model.ports,
      to: model.ports,
      as: 'F32',
      checkpoint: byPath(model, type),
      arrangement: AS_IT_IS,
      carries: () => false,
    })
    expect(isVerbatim).toBe(false)
    expect(tensors.map(({ name }) => name).sort()).toEqual([...checkpoint.tensors.keys()].sort())
    await expectNumbers(tensors, checkpoint)
    await checkpoint.close()
  })

  const fused = join(folderOf(type), 'fused.safetensors')
  test.runIf(existsSync(fused))('the fused layout becomes that of the hub, bit for bit', { timeout: 60_000 }, async () => {
    const [from, to] = [await openCheckpoint(fused), await hubOf(type)]
    const { tensors } = exportedTensors({
      from: modelOf(type, 'fused').ports,
      to: modelOf(type, 'hub').ports,
      as: 'shipped',
      checkpoint: from,
      arrangement: AS_IT_IS,
      carries: () => false,
    })
    await expectSame(tensors, to)
    await Promise.all([from.close(), to.close()])
  })
})

test.each(supportedModelTypes)('a folder of %s imports again', { ...IN_LONG_ALONE, timeout: 60_000 }, async (type) => {
  const there = place()
  const { code, err } = await there.smoe('export', '--to', 'hf', folderOf(type), '-o', 'out')
  expect(code, err).toBe(0)
  expect(there.read('out/config.json')).toBe(readFileSync(join(folderOf(type), 'config.json'), 'utf8'))
  expect((await there.smoe('import', 'out')).out).toBe((await there.smoe('import', folderOf(type))).out)
  const [one, other] = [await hubOf(type), await openCheckpoint(join(there.folder, 'out'))]
  const tensors = [...one.tensors.values()].map((info) => ({ ...info, pieces: () => read(one, info.name, info.bytes) }))
  await expectSame(tensors, other)
  await Promise.all([one.close(), other.close()])
})

async function* read(checkpoint: Checkpoint, name: string, bytes: number): AsyncGenerator<Uint8Array> {
  yield await checkpoint.read(name, 0, bytes)
}
