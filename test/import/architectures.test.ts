/** Tiny random checkpoints of every architecture of the table, in both layouts, beside the logits of transformers 5.18 in f64. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { importModel, type Imported } from '../../cli/import/import.ts'
import type { Layout } from '../../cli/import/names/source.ts'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { checkSource, framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'

const folderOf = (type: string): string => join(root, 'test/fixtures/architectures', type)

/** Types whose checkpoints lie among those of all tests, in the layout of the hub. */
const elsewhere: readonly string[] = ['llama', 'mixtral', 'olmoe']
const types = supportedModelTypes.filter((type) => !elsewhere.includes(type))

function imported(type: string, layout: Layout): Imported & { readonly kind: 'spec' } {
  const result = importModel(JSON.parse(readFileSync(join(folderOf(type), 'config.json'), 'utf8')), { layout })
  if (result.kind !== 'spec') throw new Error(`${type}: ${result.message}`)
  return result
}

const specOf = (type: string, layout: Layout): { readonly path: string; readonly text: string } => ({
  path: `${type}.smoe`,
  text: imported(type, layout).spec,
})

const fileOf = (type: string, layout: Layout): string =>
  join(folderOf(type), layout === 'hub' ? 'model.safetensors' : 'fused.safetensors')

/** The spec before its table of weights. */
const bodyOf = (text: string): string => text.slice(0, text.indexOf('  weights {'))

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

async function onDevice(graph: Graph, type: string): Promise<ArrayLike<number>> {
  const { plan, diagnostics } = compileGraph(graph, device.target)
  if (plan === null) throw new Error(framed(diagnostics))
  const session = await createSession(device, plan)
  const tensors = await openCheckpoint(fileOf(type, 'hub'))
  await session.loadWeights(tensors)
  await tensors.close()
  const reference = readSafetensors(join(folderOf(type), 'reference.safetensors'))
  const { input_ids: ids } = reference
  const outputs = await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } })
  session.dispose()
  return outputs[nameOf(reference)].data
}

/** An encoder gives hidden states, every other model logits. */
const nameOf = (reference: ReturnType<typeof readSafetensors>): string => (reference.hidden === undefined ? 'logits' : 'hidden')

describe.each(types)('%s', (type) => {
  test('has the logits of transformers on the reference and on the cpu', async () => {
    const reference = readSafetensors(join(folderOf(type), 'reference.safetensors'))
    const graph = graphOf(specOf(type, 'hub'))
    const weights = weightsOf(graph, readSafetensors(fileOf(type, 'hub')))
    const name = nameOf(reference)
    const { [name]: output } = evaluate(graph, { inputs: { tokens: reference.input_ids }, weights })
    const wanted = reference[name]
    const width = wanted.shape[2]
    const best = argmaxRows(wanted.values, width)
    expect(output.shape).toEqual(wanted.shape)
    expect(relativeError(output.values, wanted.values)).toBeLessThanOrEqual(1e-6)
    expect(argmaxRows(output.values, width)).toEqual(best)
    const found = await onDevice(graph, type)
    expect(relativeError(found, wanted.values)).toBeLessThanOrEqual(2e-5)
    expect(argmaxRows(found, width)).toEqual(best)
  }, 60_000)

  test('reads as kept here', async () => {
    await expect(specOf(type, 'hub').text).toMatchFileSnapshot(`golden/${type}.smoe`)
  })

  const hasFused = existsSync(fileOf(type, 'fused'))
  test.runIf(hasFused)('is the same model from the fused layout, each weight bit for bit', () => {
    const [hub, fused] = [specOf(type, 'hub'), specOf(type, 'fused')]
    expect(bodyOf(fused.text)).toBe(bodyOf(hub.text))
    const read = (source: typeof hub, layout: Layout): ReturnType<typeof weightsOf> =>
      weightsOf(graphOf(source), readSafetensors(fileOf(type, layout)))
    expect(read(fused, 'fused')).toEqual(read(hub, 'hub'))
  })

  test.runIf(!hasFused)('has one layout', () => {
    expect(specOf(type, 'fused').text).toBe(specOf(type, 'hub').text)
    expect(framed(checkSource(specOf(type, 'hub')).diagnostics)).toBe('')
  })
})
