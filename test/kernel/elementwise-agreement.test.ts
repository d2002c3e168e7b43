/**
 * Each elementwise op has one meaning: folded at compile time, evaluated by the reference, by kernels on the host, and on every
 * software adapter.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formulaAt, FORMULA_OPERATIONS, isFormulaOperation, type Formula } from '../../plan/formula.ts'
import { PORTABLE } from '../../plan/target.ts'
import type { Node } from '../../compiler/graph/node.ts'
import type { DType, OpName } from '../../compiler/graph/vocabulary.ts'
import type { Emit } from '../../compiler/model/builtin/emit.ts'
import { foldNumbers, isFoldable } from '../../compiler/model/builtin/fold.ts'
import { options } from '../../compiler/model/builtin/options.ts'
import { BUILTINS, type BuiltinName } from '../../compiler/model/builtin/table.ts'
import { folds } from '../../compiler/model/context/context.ts'
import { bool, operation, real } from '../../compiler/model/static/static.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { records } from '../../compiler/ops/records.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { foldConstants } from '../../compiler/passes/constant-folding.ts'
import { openSoftware } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import type { Device } from '../../runtime/device.ts'
import { CASES, combined, EDGES, graphOf, type ElementwiseCase } from '../support/elementwise-cases.ts'
import { both } from '../support/graph-on-host.ts'
import { runGraph } from '../support/graph-on-device.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'

const edgesOf = ({ dtypes }: ElementwiseCase): readonly (readonly number[])[] => combined(dtypes.map((dtype) => EDGES[dtype]))
const wantedOf = (one: ElementwiseCase, operands: readonly (readonly number[])[]): Float64Array => {
  const { graph, inputs } = graphOf(one, operands, 'inputs')
  return evaluate(graph, { inputs, weights: {} }).y.values
}

function agree(
  one: ElementwiseCase,
  operands: readonly (readonly number[])[],
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  isNear: (got: number, want: number) => boolean,
): void {
  const wrong = Array.from(want).flatMap((value, at) =>
    isNear(got[at], value)
      ? []
      : [`${one.name} of (${operands.map((values) => values[at]).join(', ')}) = ${got[at]}, not ${value}`],
  )
  expect(wrong).toEqual([])
}

/** Either zero is zero; any NaN is NaN. */
const isSame = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

/** Numbers that f32 holds, edges often. */
const values = {
  f32: fc.oneof(
    fc.constantFrom(...EDGES.f32),
    fc.float({ noDefaultInfinity: true }),
    fc.float({ min: -100, max: 100, noNaN: true }),
  ),
  i32: fc.oneof(fc.constantFrom(...EDGES.i32), fc.integer(), fc.integer({ min: -100, max: 100 })),
  bool: fc.constantFrom(0, 1),
}

const columns = ({ dtypes }: ElementwiseCase): fc.Arbitrary<readonly (readonly number[])[]> =>
  fc
    .array(fc.tuple(...dtypes.map((dtype) => values[dtype])), { minLength: 1, maxLength: 24 })
    .map((rows) => dtypes.map((_, at) => rows.map((row) => row[at])))

describe('folded and evaluated by kernels as by the reference', () => {
  test.each(CASES)('$name', (one) => {
    const check = (operands: readonly (readonly number[])[]): void => {
      const want = wantedOf(one, operands)
      agree(
        one,
        operands,
        evaluate(foldConstants(graphOf(one, operands, 'constants').graph), { inputs: {}, weights: {} }).y.values,
        want,
        isSame,
      )
      for (const leaves of ['inputs', 'constants'] as const) {
        const { graph, inputs } = graphOf(one, operands, leaves)
        agree(one, operands, both(graph, { inputs, weights: {} }, PORTABLE, 'prefill')[0].got, want, isSame)
      }
    }
    check(edgesOf(one))
    assertProperty(fc.property(columns(one), check), 20)
  })
})

/** Operands of one dtype for a builtin, as nodes of a graph. */
function expanded(name: BuiltinName, operands: readonly (readonly number[])[], dtype: DType): Float64Array {
  const { make } = createBuilder()
  const leaves = operands.map((values) => make('constant', [], { dtype, shape: [values.length], values }, NO_ORIGIN) as Node)
  const emit = {
    make: (op: OpName, inputs: readonly Node[], params: object) => make(op, inputs, params as never, NO_ORIGIN),
  } as unknown as Emit<Node>
  const node = BUILTINS[name].expand(emit, leaves, options({}))
  return evaluate(
    { name, doc: '', dims: [], docs: {}, inputs: [], outputs: [{ name: 'y', node, doc: '' }] },
    { inputs: {}, weights: {} },
  ).y.values
}

const FOLDED = (Object.keys(BUILTINS) as BuiltinName[]).filter((name) => isFoldable(BUILTINS[name]))
const isNearInF64 = (a: number, b: number): boolean =>
  isSame(a, b) || (Number.isFinite(a - b) && Math.abs(a - b) <= 1e-12 * Math.abs(b))

describe('numbers known at compile time', () => {
  test.each(FOLDED)('%s is what the op computes', (name) => {
    const { parameters, operator } = BUILTINS[name]
    const isLogical = operator !== null && ['not', 'and', 'or'].includes(operator)
    const dtype = isLogical ? 'bool' : 'f32'
    const operands = combined(parameters.map(() => EDGES[dtype]))
    const want = expanded(name, operands, dtype)
    const rows = Array.from(want, (_, at) => operands.map((values) => values[at]))
    const one = { name, op: name as OpName, dtypes: [], params: {} }
    const compare = (compute: (row: readonly number[]) => number): void =>
      agree(one, operands, rows.map(compute), want, isNearInF64)
    if (!isLogical) compare((row) => foldNumbers(BUILTINS[name], row))
    // the same operator, or function, of parameters of a model
    const word = operator === null || (parameters.length === 1 && !isLogical) ? name : operator
    compare((row) => {
      const value = operation(
        'real',
        word,
        row.map((each) => (isLogical ? bool(each === 1) : real(each))),
        folds,
      )
      return value.kind === 'literal' ? Number(value.value) : NaN
    })
    // and of the step of a training
    const formula = word === 'pow' ? 'power' : word
    if (isFormulaOperation(formula))
      compare((row) =>
        Number(formulaAt([formula, ...row.map((each) => (isLogical ? each === 1 : each))] as Formula, { step: 0, progress: 0 })),
      )
  })

  test('every operation of a formula is an op, or chooses between two values', () => {
    const words = FOLDED.flatMap((name) => [BUILTINS[name].operator ?? '', name === 'pow' ? 'power' : name])
    expect(FORMULA_OPERATIONS.filter((operation) => !words.includes(operation))).toEqual(['if'])
  })
})

/** Where a device may differ, which the op's documentation says. */
const LIMITS: Readonly<Partial<Record<OpName, (operands: readonly number[], got: number, want: number) => boolean>>> = {
  sin: ([x], got) => Math.abs(x) > 1e5 && Math.abs(got) <= 1,
  cos: ([x], got) => Math.abs(x) > 1e5 && Math.abs(got) <= 1,
  // worked out by way of a logarithm: the largest number may overflow
  power: (_, got, want) => Math.abs(want) > 3e38 && got === Math.sign(want) * Infinity,
}
const SMALLEST = 2 ** -126

describe('on every software adapter', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  beforeAll(async () => {
    devices = await openSoftware()
    expect(devices.length).toBeGreaterThan(0)
  })
  afterAll(() => devices.forEach((device) => device.dispose()))

  test.each(CASES)(
    '$name',
    async (one) => {
      const operands = edgesOf(one)
      const { graph, inputs } = graphOf(one, operands, 'inputs')
      const isReal = graph.outputs[0].node.dtype === 'f32'
      const isExact = records[one.op].accuracy.kind === 'exact' || !isReal
      const want = Array.from(wantedOf(one, operands), (value) => (isReal ? Math.fround(value) : value))
      // numbers below the normal ones may be flushed to zero
      const near = (a: number, b: number): boolean =>
        isSame(a, b) || (Number.isFinite(a - b) && Math.abs(a - b) <= (isExact ? 0 : 1e-4 * Math.abs(b) + SMALLEST))
      for (const device of devices) {
        const got = Array.from((await runGraph(device, graph, { inputs, weights: {} })).y.data)
        const judged = got.map((value, at) =>
          LIMITS[one.op]?.(
            operands.map((values) => values[at]),
            value,
            want[at],
          ) === true
            ? want[at]
            : value,
        )
        agree({ ...one, name: `${one.name} on ${device.choice.name}` }, operands, judged, want, near)
      }
    },
    fuzzTimeout(60_000),
  )
})
