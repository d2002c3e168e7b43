/**
 * What a driver may take for granted about reals, and must not: that 0 x is 0, 0 / x is 0, x / x is 1, x - x is 0, x + 0 and x *
 * 1 are x. Two ops in a row, the first with a literal or with one operand twice, over all pairs of edge values.
 *
 * @module-tag devices
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dim } from '../../plan/dim.ts'
import type { Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { openSoftware } from '../support/devices.ts'
import type { Device } from '../../runtime/device.ts'
import { combined, EDGES } from '../support/elementwise-cases.ts'
import { runGraph } from '../support/graph-on-device.ts'

type Op = 'add' | 'subtract' | 'multiply' | 'divide' | 'minimum' | 'maximum'

const LITERALS = [0, -0, 1, -1, Infinity, -Infinity, NaN]
const INNER: readonly Op[] = ['add', 'subtract', 'multiply', 'divide']
const OUTER: readonly Op[] = ['add', 'subtract', 'multiply', 'divide', 'minimum', 'maximum']
// what is rounded or flushed on the way is another test's
const VALUES = EDGES.f32.filter((x) => !Number.isFinite(x) || x === 0 || (Math.abs(x) < 1e6 && Math.abs(x) > 1e-6))

const [xs, ys] = combined([VALUES, VALUES])
const inputs = {
  x: hostTensor([xs.length], 'f32', Float64Array.from(xs)),
  y: hostTensor([ys.length], 'f32', Float64Array.from(ys)),
}

/** An output for each second op, of the first one's result and y in either order, and of that result twice. */
function graphOf(inner: Op, literal: number | null, isFirst: boolean) {
  const { make } = createBuilder()
  const shape = [dim(xs.length)]
  const [x, y] = ['x', 'y'].map((name) => make('input', [], { name, dtype: 'f32', shape }, NO_ORIGIN) as Node & { op: 'input' })
  const constant = (value: number): Node =>
    make(
      'broadcast',
      [make('constant', [], { dtype: 'f32', shape: [], values: [value] }, NO_ORIGIN)],
      { axes: [], shape },
      NO_ORIGIN,
    )
  const other = literal === null ? x : constant(literal)
  const value = make(inner, isFirst ? [other, x] : [x, other], {}, NO_ORIGIN)
  const outputs = OUTER.flatMap((op) => [
    { name: `${op}_y`, node: make(op, [value, y], {}, NO_ORIGIN), doc: '' },
    { name: `y_${op}`, node: make(op, [y, value], {}, NO_ORIGIN), doc: '' },
    { name: `${op}_itself`, node: make(op, [value, value], {}, NO_ORIGIN), doc: '' },
  ])
  return { name: 'chain', doc: '', dims: [], docs: {}, inputs: [x, y], outputs }
}

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openSoftware()
})
afterAll(() => devices.forEach((device) => device.dispose()))

const CASES = INNER.flatMap((inner) => [
  ...LITERALS.flatMap((literal) => [
    { inner, literal, isFirst: true },
    { inner, literal, isFirst: false },
  ]),
  { inner, literal: null, isFirst: false },
])

test.each(CASES)(
  '$inner with $literal, first: $isFirst',
  async ({ inner, literal, isFirst }) => {
    const graph = graphOf(inner, literal, isFirst)
    const want = evaluate(graph, { inputs, weights: {} })
    for (const device of devices) {
      const got = await runGraph(device, graph, { inputs, weights: {} })
      const wrong = graph.outputs.flatMap(({ name }) =>
        Array.from(want[name].values).flatMap((value, at) => {
          const actual = got[name].data[at]
          const isNear =
            Object.is(value, actual) ||
            value === actual ||
            (Number.isNaN(value) && Number.isNaN(actual)) ||
            Math.abs(value - actual) <= 1e-5 * Math.abs(value)
          return isNear ? [] : [`${name} of x = ${xs[at]}, y = ${ys[at]}: ${actual}, not ${value}`]
        }),
      )
      expect(wrong.slice(0, 5), `${device.choice.name}, ${wrong.length} wrong`).toEqual([])
    }
  },
  120_000,
)
