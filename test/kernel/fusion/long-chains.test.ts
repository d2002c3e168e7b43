/** Chains of any length, and as many weights, are cut into kernels that fit, and mean what they meant. */
import { describe, expect, it } from 'vitest'
import type { Graph } from '../../../compiler/graph/node.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { bindingCount } from '../../../compiler/kernel/fusion/back-off.ts'
import { memoryOf } from '../../../compiler/kernel/scope/memory-of.ts'
import { MAX_CHAIN } from '../../../compiler/kernel/fusion/chain.ts'
import { createReach } from '../../../compiler/kernel/fusion/reach.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../../compiler/ops/build.ts'
import { tensorOf } from '../../../compiler/reference/tensor.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { liveNodes } from '../../../compiler/graph/walk.ts'
import { isOp } from '../../../compiler/graph/walk.ts'
import { dim } from '../../../plan/dim.ts'
import { PORTABLE } from '../../../plan/target.ts'

const WIDTH = 3
const builderOf = () => {
  const { make } = createBuilder()
  const x = make('input', [], { name: 'x', dtype: 'f32', shape: [dim(WIDTH)] }, NO_ORIGIN)
  return { make, x }
}
type Input = Graph['inputs'][number]
const graphOf = (x: Input, outputs: readonly Graph['outputs'][number]['node'][]): Graph => ({
  name: 'g',
  doc: '',
  dims: [],
  inputs: [x],
  outputs: outputs.map((node, at) => ({ name: `y${at}`, node, doc: '' })),
  docs: {},
})

/** x, then `length` times what a step makes of the value before. */
function chain(
  length: number,
  step: (
    make: ReturnType<typeof builderOf>['make'],
    before: Graph['outputs'][number]['node'],
    at: number,
  ) => Graph['outputs'][number]['node'],
): Graph {
  const { make, x } = builderOf()
  let value: Graph['outputs'][number]['node'] = x
  for (let at = 0; at < length; at++) value = step(make, value, at)
  return graphOf(x as Input, [value])
}

const weightOf = (make: ReturnType<typeof builderOf>['make'], at: number, shape: readonly number[] = [WIDTH]) =>
  make('weight', [], { name: `w${at}`, shape: shape.map(dim), source: { pieces: [], stacked: false }, doc: '' }, NO_ORIGIN)

/** Kernels of a graph, each of which fits, and the largest error of what they give. */
function run(graph: Graph) {
  const { kernels, isMaterialized } = schedule(graph, PORTABLE, 'prefill')
  for (const kernel of kernels)
    expect(bindingCount(kernel, PORTABLE), kernel.does).toBeLessThanOrEqual(PORTABLE.maxStorageBuffers)
  const weights = Object.fromEntries(
    liveNodes(graph).flatMap((node) => {
      if (!isOp(node, 'weight')) return []
      const sizes = node.shape.map(({ key }) => Number(key))
      const values = Array.from({ length: sizes.reduce((a, b) => a * b) }, (_, i) => 1 + 0.01 * Math.sin(i + node.id))
      return [[node.params.name, tensorOf(sizes, 'f32', values)]]
    }),
  )
  const inputs = { x: tensorOf([WIDTH], 'f32', [0.1, -0.2, 0.3]) }
  const memory: Memory = new Map()
  for (const node of liveNodes(graph)) {
    if (isOp(node, 'input')) memory.set(node, inputs.x.values as Float64Array)
    if (isOp(node, 'weight')) memory.set(node, weights[node.params.name].values as Float64Array)
  }
  evaluateKernels(kernels, memory, {})
  const expected = evaluate(graph, { inputs, weights })
  const off = graph.outputs.flatMap(({ name, node }) =>
    [...memory.get(memoryOf(node, isMaterialized)!)!].map(
      (got, i) => Math.abs(got - expected[name].values[i]) / Math.max(1, Math.abs(expected[name].values[i])),
    ),
  )
  return { kernels, error: Math.max(...off) }
}

describe('a chain', () => {
  it.each([MAX_CHAIN - 1, MAX_CHAIN, MAX_CHAIN + 1, 10 * MAX_CHAIN, 20_000])('of %i elementwise ops', (length) => {
    const { kernels, error } = run(chain(length, (make, before) => make('sin', [before], NONE, NO_ORIGIN)))
    expect(error).toBeLessThan(1e-9)
    expect(kernels.length).toBe(Math.ceil(length / MAX_CHAIN))
  })

  it('of 2,000 weights is cut where buffers run out, and not at each', () => {
    const { kernels, error } = run(
      chain(2000, (make, before, at) => make('multiply', [before, weightOf(make, at)], NONE, NO_ORIGIN)),
    )
    expect(error).toBeLessThan(1e-9)
    expect(kernels.length).toBeLessThan(2000 / (PORTABLE.maxStorageBuffers - 2) + 20)
  })

  it('behind a product, which it joins', () => {
    const graph = chain(1000, (make, before, at) => {
      if (at > 0) return make('sin', [before], NONE, NO_ORIGIN)
      return make('contract', [before, weightOf(make, 0, [WIDTH, WIDTH])], { batch: [], over: [[0, 1]] }, NO_ORIGIN)
    })
    expect(run(graph).error).toBeLessThan(1e-9)
  })

  it('of sums of products, which are many operands at once', () => {
    const { make, x } = builderOf()
    const products = Array.from({ length: 500 }, (_, at) =>
      make(
        'contract',
        [make('sin', [x], NONE, NO_ORIGIN), weightOf(make, at, [WIDTH, WIDTH])],
        { batch: [], over: [[0, 1]] },
        NO_ORIGIN,
      ),
    )
    const sum = products
      .slice(1)
      .reduce<Graph['outputs'][number]['node']>((before, each) => make('add', [before, each], NONE, NO_ORIGIN), products[0])
    expect(run(graphOf(x as Input, [sum])).error).toBeLessThan(1e-9)
  })

  it('of reductions, each of the row before', () => {
    const graph = chain(500, (make, before) => {
      const sum = make('sum', [before], { axis: 0 }, NO_ORIGIN)
      return make(
        'sin',
        [make('add', [before, make('broadcast', [sum], { axes: [], shape: before.shape }, NO_ORIGIN)], NONE, NO_ORIGIN)],
        NONE,
        NO_ORIGIN,
      )
    })
    expect(run(graph).error).toBeLessThan(1e-6)
  })
})

it('reach joins ranges that overlap, and those alone', () => {
  const { cover, floorOf } = createReach(20)
  cover(10, 12)
  cover(4, 6)
  expect([3, 4, 5, 6, 7, 10, 12, 13].map(floorOf)).toEqual([3, 4, 4, 4, 7, 10, 10, 13])
  cover(6, 10)
  expect([4, 7, 12, 13].map(floorOf)).toEqual([4, 4, 4, 13])
  cover(0, 19)
  expect([0, 4, 19].map(floorOf)).toEqual([0, 0, 0])
})
