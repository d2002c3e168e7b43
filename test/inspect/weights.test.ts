/** What is streamed of a layer: it does not depend on the order of experts, nor on the layout of the files. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { LayerWeights } from '../../analysis/inspect/layer.ts'
import { pairAt } from '../../analysis/inspect/similarity.ts'
import { lowered } from '../../cli/export/given.ts'
import {
  areComparable,
  differenceWork,
  weightWork,
  chosenExperts,
  inspectedLayers,
  layerDifference,
  layerWeights,
  type Inspected,
} from '../../cli/inspect/weights.ts'
import { routedLayers } from '../../cli/prune/layers.ts'
import { createRandom, normal } from '../../cli/random.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { weightPorts } from '../../cli/run/reference.ts'
import { checkSource, framed } from '../support/check.ts'
import { assertProperty } from '../support/property.ts'
import { LAYER } from '../cli/harness.ts'

const { model, diagnostics } = checkSource({ path: 'layer.smoe', text: LAYER })
if (model === null) throw new Error(framed(diagnostics))
const ports = weightPorts(lower(model))
const EXPERTS = 4

type Tensors = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>

function tensorsOf(seed: number): Tensors {
  const random = createRandom(seed)
  return Object.fromEntries(
    ports.map(({ name, shape }) => {
      const sizes = shape.map(Number)
      const length = sizes.reduce((all, size) => all * size, 1)
      return [name, { shape: sizes, data: Float32Array.from({ length }, () => normal(random, 1)) }]
    }),
  )
}

const inspected = (tensors: Tensors): Inspected => {
  const checkpoint = { ...memoryCheckpoint(tensors), isByPath: true }
  const [layer] = inspectedLayers(routedLayers(lowered(model)), ports, checkpoint)
  return layer
}

/** Entry `at` of every weight becomes entry `order[at]` of the ones given. */
const permuted = (tensors: Tensors, order: readonly number[]): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => {
      const size = data.length / EXPERTS
      const made = new Float32Array(data.length)
      order.forEach((from, at) => made.set(data.subarray(from * size, (from + 1) * size), at * size))
      return [name, { shape, data: made }]
    }),
  )

const streamed = (tensors: Tensors): Promise<LayerWeights> => layerWeights(inspected(tensors), EXPERTS, () => {})

/** The cosine of experts a and b. */
const cosine = ({ similarity }: LayerWeights, a: number, b: number): number => {
  const [high, low] = [Math.max(a, b), Math.min(a, b)]
  return similarity.cosines[(high * (high - 1)) / 2 + low]
}

test('experts in another order give the same numbers in that order', async () => {
  await assertProperty(
    fc.asyncProperty(fc.nat(), fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), async (seed, order) => {
      const tensors = tensorsOf(seed)
      const [before, after] = [await streamed(tensors), await streamed(permuted(tensors, order))]
      expect(after.norms).toEqual(order.map((from) => before.norms[from]))
      expect(after.routers[0].norms).toEqual(order.map((from) => before.routers[0].norms[from]))
      for (let a = 1; a < EXPERTS; a++)
        for (let b = 0; b < a; b++) expect(cosine(after, a, b)).toBe(cosine(before, order[a], order[b]))
      expect(after.similarity.mean).toBeCloseTo(before.similarity.mean!, 12)
      const ranks = ({ spectra }: LayerWeights, expert: number): readonly unknown[] =>
        spectra.filter((one) => one.expert === expert).map(({ effectiveRank, top }) => [effectiveRank, top])
      order.forEach((from, at) => expect(ranks(after, at)).toEqual(ranks(before, from)))
    }),
    20,
  )
})

test('copies of an expert have the cosine 1, and are the closest', async () => {
  const found = await streamed(permuted(tensorsOf(3), [0, 1, 2, 1]))
  expect(cosine(found, 1, 3)).toBeCloseTo(1, 12)
  expect(found.similarity.closest!.experts).toEqual([3, 1])
  const all = await streamed(permuted(tensorsOf(3), [2, 2, 2, 2]))
  expect(all.similarity.verdict).toBe('collapsed')
  expect(all.routers[0].verdict).toBe('collapsed')
})

describe('the difference', () => {
  test('from itself is none', async () => {
    const one = inspected(tensorsOf(1))
    const { norms } = await layerWeights(one, 0, () => {})
    const { experts, routers } = await layerDifference(one, one, norms, () => {})
    expect(experts).toEqual([0, 0, 0, 0])
    expect(routers.map(({ relative, angles }) => [relative, angles])).toEqual([[0, [0, 0, 0, 0]]])
  })

  test('is that of the expert and the row that changed', async () => {
    const tensors = tensorsOf(1)
    const name = ports.find((port) => port.name.endsWith('router.gate'))!.name
    const scaled = Object.fromEntries(
      Object.entries(tensors).map(([key, { shape, data }]) => {
        const size = data.length / EXPERTS
        const factor = key === name ? -1 : 1.5
        return [key, { shape, data: data.map((value, at) => (Math.floor(at / size) === 2 ? factor * value : value)) }]
      }),
    )
    const one = inspected(tensors)
    const { norms } = await layerWeights(one, 0, () => {})
    const { experts, routers } = await layerDifference(one, inspected(scaled), norms, () => {})
    experts.forEach((value, e) => expect(value).toBeCloseTo(e === 2 ? 0.5 : 0, 6))
    expect(routers[0].angles).toEqual([0, 0, 180, 0])
    expect(areComparable(one, inspected(scaled))).toBe(true)
  })
})

test('the work that is told ahead is the work that is done', async () => {
  const one = inspected(tensorsOf(1))
  let done = 0
  const onWork = (count: number): void => void (done += count)
  const { norms } = await layerWeights(one, 3, onWork)
  expect(done).toBeCloseTo(weightWork(one, 3), 6)
  done = 0
  await layerDifference(one, one, norms, onWork)
  expect(done).toBe(differenceWork(one))
})

test('pairs have their places, and chosen experts are apart', () => {
  expect([0, 1, 2, 3, 4, 5].map(pairAt)).toEqual([
    [1, 0],
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
    [3, 2],
  ])
  expect([chosenExperts(8, 2), chosenExperts(3, Infinity), chosenExperts(5, 0)]).toEqual([[0, 4], [0, 1, 2], []])
})
