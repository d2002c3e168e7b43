/** Reductions of NaN, infinities and nothing: the reference, kernels on the host and every software adapter give the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dim, symbol, type Dim } from '../../plan/dim.ts'
import { PORTABLE } from '../../plan/target.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { openSoftware } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import type { Device } from '../../runtime/device.ts'
import { both } from '../support/graph-on-host.ts'
import { runGraph } from '../support/graph-on-device.ts'

const WORDS = ['sum', 'max', 'min'] as const

/** Along the last axis (thread per row and workgroup per row), along the first, and within the work on a row. */
function graphOf(shape: readonly Dim[], dtype: 'f32' | 'i32'): Graph {
  const { make } = createBuilder()
  const x = make('input', [], { name: 'x', dtype, shape }, NO_ORIGIN)
  const outputs = WORDS.flatMap((op) =>
    [0, 1].map((axis) => ({ name: `${op} along ${axis}`, node: make(op, [x], { axis }, NO_ORIGIN) as Node, doc: '' })),
  )
  const over = make('broadcast', [make('max', [x], { axis: 1 }, NO_ORIGIN)], { shape, axes: [0] }, NO_ORIGIN)
  const centred = make('subtract', [x, over], NONE, NO_ORIGIN) as Node
  return {
    name: 'edges',
    doc: '',
    dims: [
      { name: 'T', doc: '' },
      { name: 'N', doc: '' },
    ],
    docs: {},
    inputs: [x] as unknown as Graph['inputs'],
    outputs: [...outputs, { name: 'centred', node: centred, doc: '' }],
  }
}

const VALUES = {
  f32: [1, NaN, -2, Infinity, -Infinity, 3, -Infinity, 0.5, -0.25],
  i32: [1, -5, 0x7fffffff, -0x80000000, 7, 0, -1, 3, 2],
} as const

/** Rows of every kind: numbers alone, one NaN at each end, all infinite, all NaN. */
function rowsOf(dtype: 'f32' | 'i32', rows: number, width: number): Float64Array {
  const kinds: readonly ((i: number) => number)[] = [
    (i) => VALUES[dtype][(i * 4) % 9],
    () => -Infinity,
    () => Infinity,
    () => NaN,
    (i) => (i === 0 ? NaN : i),
    (i) => (i === width - 1 ? NaN : -i),
    (i) => (i % 2 === 0 ? -1 : -Infinity),
  ]
  return Float64Array.from({ length: rows * width }, (_, at) =>
    dtype === 'i32' ? VALUES.i32[(at * 5) % 9] : kinds[Math.floor(at / width) % kinds.length](at % width),
  )
}

const SHAPES = [
  [7, 5],
  [7, 100],
  [14, 1],
  [2, 1030],
  [3, 0],
  [0, 4],
] as const
const CASES = SHAPES.flatMap(([rows, width]) =>
  (['f32', 'i32'] as const).flatMap((dtype) => [true, false].map((isSymbolic) => ({ rows, width, dtype, isSymbolic }))),
)
const isSame = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

type Case = (typeof CASES)[number]

function given({ rows, width, dtype, isSymbolic }: Case) {
  const graph = graphOf([symbol('T'), isSymbolic ? symbol('N') : dim(width)], dtype)
  // both dims are bound by an input
  const sizes = createBuilder().make('input', [], { name: 'sizes', dtype: 'f32', shape: [symbol('T'), symbol('N')] }, NO_ORIGIN)
  const feeds = {
    inputs: {
      x: hostTensor([rows, width], dtype, rowsOf(dtype, rows, width)),
      sizes: hostTensor([rows, width], 'f32', new Float64Array(rows * width)),
    },
    weights: {},
  }
  return { graph: { ...graph, inputs: [...graph.inputs, sizes] as unknown as Graph['inputs'] }, feeds }
}

function expectSame(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  const wrong = Array.from(want).flatMap((value, at) =>
    isSame(got[at], Math.fround(value)) || isSame(got[at], value) ? [] : [`${name}[${at}] = ${got[at]}, not ${value}`],
  )
  expect(wrong).toEqual([])
}

describe('kernels on the host', () => {
  test.each(CASES)('$rows rows of $width $dtype, symbolic: $isSymbolic', (one) => {
    const { graph, feeds } = given(one)
    for (const target of [PORTABLE, { ...PORTABLE, kind: 'cpu', subgroupSize: 4 }] as const) {
      for (const { name, got, want } of both(graph, feeds, target, 'prefill')) expectSame(name, got, want)
    }
  })
})

describe('every software adapter', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  beforeAll(async () => void (devices = await openSoftware()))
  afterAll(() => devices.forEach((device) => device.dispose()))

  test.each(CASES)(
    '$rows rows of $width $dtype, symbolic: $isSymbolic',
    async (one) => {
      const { graph, feeds } = given(one)
      const want = evaluate(graph, feeds)
      for (const device of devices) {
        const got = await runGraph(device, graph, feeds)
        for (const [name, { values }] of Object.entries(want))
          expectSame(`${name} on ${device.choice.name}`, got[name].data, values)
      }
    },
    60_000,
  )
})
