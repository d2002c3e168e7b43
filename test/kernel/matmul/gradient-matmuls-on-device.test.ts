/**
 * Matmuls of the backward pass on every software adapter: weight gradients summed over the rows of each expert, and products of a
 * transposed operand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dim, multiply, symbol, type Dim } from '../../../plan/dim.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import type { OpName, OpParams } from '../../../compiler/graph/vocabulary.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../../compiler/ops/build.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../../compiler/reference/tensor.ts'
import { openSoftware } from '../../support/devices.ts'
import { ON_DEVICES } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { relativeError } from '../../support/compare.ts'
import { runGraph } from '../../support/graph-on-device.ts'
import { uniform } from '../../support/random.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openSoftware()
  expect(devices.length).toBeGreaterThan(0)
})
afterAll(() => devices.forEach((device) => device.dispose()))

const CPU: Target = { ...PORTABLE, name: 'cpu', kind: 'cpu', subgroupSize: 8, features: ['subgroups'] }
const options = { variant: 'prefill', block: 8, tile: 16 } as const

interface Maker {
  readonly make: <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node
  readonly input: (name: string, shape: readonly Dim[], dtype?: 'f32' | 'i32') => Node
}

function graphOf(build: (maker: Maker) => Readonly<Record<string, Node>>): Graph {
  const builder = createBuilder()
  const make: Maker['make'] = (op, inputs, params) => builder.make(op, inputs, params, NO_ORIGIN) as Node
  const inputs: Node[] = []
  const input: Maker['input'] = (name, shape, dtype = 'f32') => {
    const node = make('input', [], { name, dtype, shape })
    inputs.push(node)
    return node
  }
  const outputs = Object.entries(build({ make, input })).map(([name, node]) => ({ name, node, doc: '' }))
  return {
    name: 'back',
    doc: '',
    dims: [{ name: 'T', doc: '' }],
    inputs: inputs as unknown as Graph['inputs'],
    outputs,
    docs: {},
  }
}

const reals = (shape: readonly number[], next: () => number): HostTensor =>
  hostTensor(
    shape,
    'f32',
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(next() - 0.5)),
  )

/** Sums of nothing are 0. */
const isNear = (got: ArrayLike<number>, want: ArrayLike<number>): boolean =>
  Array.from(want).every((value) => value === 0) ? Array.from(got).every((value) => value === 0) : relativeError(got, want) < 1e-5

async function agrees(graph: Graph, inputs: Readonly<Record<string, HostTensor>>): Promise<void> {
  const want = evaluate(graph, { inputs, weights: {} })
  for (const device of devices) {
    for (const variant of ['decode', 'prefill'] as const) {
      const first = await runGraph(device, graph, { inputs, weights: {} }, variant)
      const again = await runGraph(device, graph, { inputs, weights: {} }, variant)
      for (const [name, { values }] of Object.entries(want)) {
        expect(isNear(first[name].data, values), `${name} on ${device.choice.name}, ${variant}`).toBe(true)
        expect(again[name].data).toEqual(first[name].data)
      }
    }
  }
}

interface Layer {
  readonly D: number
  readonly F: number
  readonly E: number
  readonly k: number
}

/** Matmuls in the backward pass of a routed layer: x gathered and not, in both orders; products with the transposed bank. */
const layerGraph = ({ D, F, E, k }: Layer): Graph =>
  graphOf(({ make, input }) => {
    const tokens = symbol('T')
    const rows = multiply(tokens, k)
    const [x, y, bank] = [input('x', [tokens, dim(D)]), input('y', [rows, dim(F)]), input('bank', [dim(E), dim(F), dim(D)])]
    const expert = make('reshape', [input('ids', [tokens, dim(k)], 'i32')], { shape: [rows] })
    const spread = make('broadcast', [make('iota', [], { size: tokens })], { shape: [tokens, dim(k)], axes: [0] })
    const gathered = make('take', [x, make('reshape', [spread], { shape: [rows] })], NONE)
    const back = make('grouped_matmul', [y, make('transpose', [bank], { order: [0, 2, 1] }), expert], NONE)
    const isNone = make(
      'less',
      [expert, make('broadcast', [make('constant', [], { dtype: 'i32', shape: [], values: [0] })], { shape: [rows], axes: [] })],
      NONE,
    )
    const zero = make('broadcast', [make('constant', [], { dtype: 'f32', shape: [], values: [0] })], {
      shape: [rows, dim(D)],
      axes: [],
    })
    return {
      gathered: make('grouped_weight_gradient', [gathered, y, expert], { experts: E }),
      transposed: make('grouped_weight_gradient', [y, gathered, expert], { experts: E }),
      plain: make('grouped_weight_gradient', [y, y, expert], { experts: E }),
      back: make('select', [make('broadcast', [isNone], { shape: [rows, dim(D)], axes: [0] }), zero, back], NONE),
    }
  })

const routings: Readonly<Record<string, (at: number, E: number, next: () => number) => number>> = {
  'any expert': (_, E, next) => Math.floor(next() * E),
  'one expert alone': (_, E) => E - 1,
  'some rows without one': (_, E, next) => Math.floor(next() * (E + 1)) - 1,
  'no row with one': () => -1,
  'some experts without rows': (_, E, next) => Math.floor(next() * next() * E),
}

describe.each(Object.keys(routings))('%s', ON_DEVICES, (name) => {
  it.each([
    [{ D: 32, F: 48, E: 8, k: 2 }, 37],
    [{ D: 36, F: 20, E: 3, k: 2 }, 1],
    [{ D: 5, F: 7, E: 4, k: 3 }, 20],
    [{ D: 64, F: 4, E: 5, k: 1 }, 130],
    [{ D: 8, F: 6, E: 1, k: 1 }, 9],
  ] satisfies [Layer, number][])('%o, %i tokens', async (layer, T) => {
    const next = uniform(T)
    const ids = hostTensor(
      [T, layer.k],
      'i32',
      Float64Array.from({ length: T * layer.k }, (_, at) => routings[name](at, layer.E, next)),
    )
    await agrees(layerGraph(layer), {
      x: reals([T, layer.D], next),
      y: reals([T * layer.k, layer.F], next),
      bank: reals([layer.E, layer.F, layer.D], next),
      ids,
    })
  })
})

const denseGraph = (D: number, F: number): Graph =>
  graphOf(({ make, input }) => {
    const tokens = [symbol('T'), dim(3)]
    const [x, dy, weight] = [input('x', [...tokens, dim(D)]), input('dy', [...tokens, dim(F)]), input('w', [dim(F), dim(D)])]
    const perHead = input('perHead', [dim(2), symbol('T'), dim(D)])
    const over = [
      [0, 0],
      [1, 1],
    ] as const
    return {
      dx: make('contract', [dy, weight], { batch: [], over: [[2, 0]] }),
      dw: make('contract', [dy, x], { batch: [], over }),
      scores: make('contract', [perHead, perHead], { batch: [[0, 0]], over: [[1, 1]] }),
    }
  })

describe('products of one matrix', ON_DEVICES, () => {
  it.each([
    [32, 48, 20],
    [16, 8, 1],
    [5, 7, 11],
    [12, 6, 33],
    [7, 16, 64],
  ])('D = %i, F = %i, T = %i', async (D, F, T) => {
    const next = uniform(D)
    const inputs = {
      x: reals([T, 3, D], next),
      dy: reals([T, 3, F], next),
      w: reals([F, D], next),
      perHead: reals([2, T, D], next),
    }
    await agrees(denseGraph(D, F), inputs)
  })
})

describe('the schedule', () => {
  it('transposes no operand in memory: a matmul reads it as it is stored', () => {
    for (const target of [PORTABLE, CPU]) {
      const { kernels } = schedule(optimise(denseGraph(32, 48), options).graph, target, 'prefill')
      expect(kernels.map(({ computation }) => computation.kind)).toEqual(['matmul', 'matmul', 'matmul'])
    }
  })

  it('has one order for all the products of a routing, and reads gathered rows through their numbers', () => {
    for (const target of [PORTABLE, CPU]) {
      const { kernels } = schedule(optimise(layerGraph({ D: 32, F: 48, E: 8, k: 2 }), options).graph, target, 'prefill')
      expect(kernels.map(({ template }) => template)).toEqual([
        'expert histogram',
        'sort by expert',
        'matmul',
        'matmul',
        'matmul',
        'matmul',
        'elementwise',
      ])
    }
  })

  it('reads the copy where only that comes in vectors', () => {
    const graph = graphOf(({ make, input }) => ({
      y: make('contract', [input('x', [symbol('T'), dim(8)]), input('w', [dim(8), dim(6)])], { batch: [], over: [[1, 0]] }),
    }))
    const { kernels } = schedule(optimise(graph, options).graph, CPU, 'prefill')
    expect(kernels.map(({ computation }) => computation.kind)).toEqual(['workgroups', 'matmul'])
  })
})
