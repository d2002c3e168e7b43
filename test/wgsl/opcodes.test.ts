/** Opcodes as devices compute them, compared with f64; and literals as they are emitted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'
import { records } from '../../compiler/ops/records.ts'
import { UNARY_OPCODES, unaryFunction, type UnaryOpcode } from '../../compiler/scalar/operations.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { BINARY, emitLiteral } from '../../compiler/wgsl/opcodes.ts'
import { dim } from '../../plan/dim.ts'
import { openAdapters } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import type { Device } from '../../runtime/device.ts'
import { graphOf as graphOfSpec } from '../support/graph.ts'
import { runGraph } from '../support/graph-on-device.ts'

/** Operations of one real number that a device may round. */
const UNARY = UNARY_OPCODES.filter((op) => unaryFunction(op, 'f32') !== undefined && records[op].accuracy.kind !== 'exact')
type Unary = UnaryOpcode

interface Bound {
  readonly from: number
  readonly to: number
  /** Error allowed, in units in the last place of the value. */
  readonly ulp: number
  /** Error allowed whatever the value. */
  readonly absolute?: number
}

/** Tighter than what the records declare, or over wider ranges. */
const BOUNDS: { readonly [W in Unary]?: readonly Bound[] } = {
  exp: [
    { from: -80, to: 80, ulp: 3 + 2 * 80 },
    { from: -1, to: 1, ulp: 5 },
  ],
  log: [
    { from: 1e-30, to: 1e30, ulp: 3 },
    { from: 0.99, to: 1.01, ulp: 3 },
    { from: 0, to: 4, ulp: 3 },
  ],
  log1p: [
    { from: -0.999, to: 2, ulp: 4 },
    { from: -1e-4, to: 1e-4, ulp: 4 },
    { from: 1, to: 1e30, ulp: 4 },
  ],
  sqrt: [{ from: 0, to: 1e6, ulp: 4 }],
  rsqrt: [{ from: 1e-6, to: 1e6, ulp: 2 }],
  sin: [
    { from: -1e4, to: 1e4, ulp: 2, absolute: 1e-6 },
    { from: -1, to: 1, ulp: 3 },
  ],
  cos: [
    { from: -1e4, to: 1e4, ulp: 2, absolute: 1e-6 },
    { from: -1, to: 1, ulp: 3 },
  ],
  tanh: [
    { from: -10, to: 10, ulp: 4 },
    { from: -1e-3, to: 1e-3, ulp: 2 },
  ],
  erf: [
    { from: -5, to: 5, ulp: 4 },
    { from: -1e-3, to: 1e-3, ulp: 4 },
  ],
  sigmoid: [{ from: -10, to: 80, ulp: 16 }],
  softplus: [{ from: -15, to: 40, ulp: 40 }],
}

/** At the edges of what a function takes: the value of f64 is finite, infinite or NaN, and so is the device's. */
const EDGES: { readonly [W in Unary]?: readonly number[] } = {
  exp: [Infinity, -Infinity, 1000, -1000],
  log: [0, -0, -1, Infinity, -Infinity, NaN, 1],
  log1p: [-1, -2, 0, Infinity, NaN],
  sqrt: [0, Infinity, -1],
  rsqrt: [0, Infinity],
  sin: [0],
  cos: [0],
  tanh: [0, 1000, -1000],
  erf: [0, 1000, -1000],
  sigmoid: [0, 1000, -1000],
  softplus: [0, 1000, -1000],
}

const ANYWHERE = [0, -0, 1, -1, 1000, -1000, Infinity, -Infinity, NaN]

/** What the record of an op declares, between -8 and 8 and near 0. */
function declared(op: Unary): readonly Bound[] {
  const { accuracy } = records[op]
  const ulp = accuracy.kind === 'ulp' ? accuracy.n : accuracy.kind === 'absolute' ? 0 : 40
  const allowed = { ulp, absolute: accuracy.kind === 'absolute' ? accuracy.error : 0 }
  return [
    { from: -8, to: 8, ...allowed },
    { from: -0.01, to: 0.01, ...allowed },
  ]
}

const spread = ({ from, to }: Bound): readonly number[] =>
  Array.from({ length: 2000 }, (_, i) => Math.fround(from + ((to - from) * (i + 0.5)) / 2000))

/** `y` from inputs `a`, `b` ... of one length. */
function graphOf(columns: readonly (readonly number[])[], op: Unary | 'power' | 'divide'): Graph {
  const { make } = createBuilder()
  const inputs = columns.map(({ length }, at) =>
    make('input', [], { name: 'ab'[at], dtype: 'f32', shape: [dim(length)] }, NO_ORIGIN),
  )
  const node = make(op, inputs, NONE, NO_ORIGIN)
  return { name: op, doc: '', dims: [], docs: {}, inputs: inputs as Graph['inputs'], outputs: [{ name: 'y', node, doc: '' }] }
}

async function compute(device: Device, op: Unary | 'power' | 'divide', ...columns: readonly (readonly number[])[]) {
  const graph = graphOf(columns, op)
  const inputs = Object.fromEntries(
    columns.map((values, at) => ['ab'[at], hostTensor([values.length], 'f32', Float64Array.from(values))]),
  )
  const actual = (await runGraph(device, graph, { inputs, weights: {} })).y.data
  return { actual, expected: evaluate(graph, { inputs, weights: {} }).y.values }
}

const unit = (value: number): number => 2 ** (Math.floor(Math.log2(Math.abs(value) || 2 ** -126)) - 23)

/** The worst error of a run in the units of its bound; 1 and below is within. */
function worst(actual: ArrayLike<number>, expected: ArrayLike<number>, { ulp, absolute = 0 }: Bound): number {
  let found = 0
  for (let i = 0; i < expected.length; i++)
    found = Math.max(found, Math.abs(actual[i] - expected[i]) / (ulp * unit(expected[i]) + absolute))
  return found
}

const devices: Device[] = []

beforeAll(async () => void devices.push(...(await openAdapters())))
afterAll(() => devices.forEach((device) => device.dispose()))

describe('on every adapter of the run', ON_DEVICES, () => {
  test.each(UNARY)(
    '%s is as near as it should be',
    async (op) => {
      for (const device of devices) {
        for (const bound of BOUNDS[op] ?? declared(op)) {
          const { actual, expected } = await compute(device, op, spread(bound))
          expect(worst(actual, expected, bound), `${device.choice.name}, ${bound.from} to ${bound.to}`).toBeLessThanOrEqual(1)
        }
      }
    },
    60_000,
  )

  test.each(UNARY)(
    '%s keeps its edges',
    async (op) => {
      for (const device of devices) {
        const { actual, expected } = await compute(device, op, EDGES[op] ?? ANYWHERE)
        // either zero is zero
        expect(
          Array.from(actual, (value) => value + 0),
          device.choice.name,
        ).toEqual([...expected].map((value) => Math.fround(value) + 0))
      }
    },
    60_000,
  )

  test('sine and cosine stay from -1 to 1 where the quadrant is lost', async () => {
    for (const device of devices) {
      for (const op of ['sin', 'cos'] as const) {
        const { actual } = await compute(device, op, [1e6, 1e9, -1e14, 1e20, 3e38])
        for (const value of Array.from(actual)) expect(Math.abs(value)).toBeLessThanOrEqual(1)
      }
    }
  })

  test('power: whole exponents of negative bases, zero, and the ordinary range', async () => {
    const pairs: readonly (readonly [number, number])[] = [
      [-2, 3],
      [-2, 2],
      [-2, 0.5],
      [-0.5, -1],
      [0, 2],
      [0, 0],
      [0, -1],
      [5, 0],
      [-3, 0],
    ]
    const ordinary = spread({ from: 0.01, to: 20, ulp: 0 })
    for (const device of devices) {
      const edges = await compute(
        device,
        'power',
        pairs.map(([a]) => a),
        pairs.map(([, b]) => b),
      )
      edges.expected.forEach((value, at) => {
        const given = edges.actual[at]
        expect(
          Object.is(given, value) || Math.abs(given - value) <= 1e-6 * Math.abs(value),
          `${pairs[at].join(' ^ ')} = ${given}`,
        ).toBe(true)
      })
      const { actual, expected } = await compute(
        device,
        'power',
        ordinary,
        ordinary.map((_, at) => (at % 13) / 3 - 2),
      )
      expect(worst(actual, expected, { from: 0, to: 0, ulp: 40 })).toBeLessThanOrEqual(1)
    }
  }, 60_000)
})

const BEYOND = `model beyond() {
  input a: f32[T]
  let t = cast(iota(1), "f32")
  output over: f32[T] = a / t
  output filled: f32[2] = broadcast(1.0 / t, [2])
  output logged: f32[T] = a + log(t)
  output large: f32[T] = a * exp(t + 1000.0)
  output nowhere: f32[T] = a + sqrt(t - 1.0)
  output neither: f32[T] = a * (1.0 / t - 1.0 / t)
  output whole: i32[T] = cast(a, "i32") / 0
  output rest: i32[T] = cast(a, "i32") % 0
}
`

test(
  'what is not finite by its constants alone is computed as by the reference',
  { ...ON_DEVICES, timeout: 60_000 },
  async () => {
    const graph = graphOfSpec({ path: 'beyond.smoe', text: BEYOND })
    const feeds = { inputs: { a: hostTensor([3], 'f32', Float64Array.of(1, -2.5, 0)) }, weights: {} }
    const expected = evaluate(graph, feeds)
    for (const device of devices) {
      const actual = await runGraph(device, graph, feeds)
      for (const [name, { values }] of Object.entries(expected))
        expect(Array.from(actual[name].data), `${name} on ${device.choice.name}`).toEqual([...values])
    }
  },
)

describe('emitLiteral', () => {
  test.each([
    ['f32', 1, '1.0f'],
    ['f32', -0.5, '(-0.5f)'],
    ['f32', -0, '(-0.0f)'],
    ['f32', 1e-20, '9.999999682655225e-21f'],
    ['f32', 0.1, '0.10000000149011612f'],
    ['f32', 1e39, '3.4028234663852886e+38f'],
    ['f32', Infinity, 'smoe_real(0x7f800000u)'],
    ['f32', -Infinity, 'smoe_real(0xff800000u)'],
    ['f32', NaN, 'smoe_real(0x7fc00000u)'],
    ['i32', 3, '3i'],
    ['i32', -3, '(-3i)'],
    ['i32', -2147483648, 'i32(-2147483648)'],
    ['u32', 4294967295, '4294967295u'],
    ['bool', 1, 'true'],
  ] as const)('%s %d is %s', (type, value, text) => expect(emitLiteral(type, value)).toBe(text))
})

describe('a literal zero divides nothing', () => {
  test.each([
    ['divide', '0.0f', 'f32', '(a * smoe_real(0x7f800000u))'],
    ['divide', '(-0.0f)', 'f32', '(a * smoe_real(0xff800000u))'],
    ['divide', '0i', 'i32', 'a'],
    ['divide', '0u', 'u32', 'a'],
    ['remainder', '0i', 'i32', '0i'],
    ['remainder', '0.0f', 'f32', 'smoe_real(0x7fc00000u)'],
    ['divide', '10.0f', 'f32', '(a / 10.0f)'],
    ['divide', '0.5f', 'f32', '(a / 0.5f)'],
    ['remainder', '10i', 'i32', 'smoe_whole_remainder(a, 10i)'],
    ['remainder', '10u', 'u32', '(a % 10u)'],
    ['divide', '10i', 'i32', 'smoe_floor_quotient(a, 10i)'],
  ] as const)('%s by %s (%s) is %s', (word, zero, type, text) => expect(BINARY[word]('a', zero, type)).toBe(text))
})
