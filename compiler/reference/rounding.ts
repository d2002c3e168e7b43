/** The rounding error that an elementwise op adds to its result: its declared accuracy as a number, for each element. */
import type { OpName } from '../graph/vocabulary.ts'
import { records } from '../ops/records.ts'
import type { Precision } from './precision.ts'

/** The error of one element from its operands and its result; `ulp` is an ulp of 1. */
type Rounding = (operands: readonly number[], result: number, ulp: number) => number

/** Beyond this, the exponential is zero or infinite in f32. */
const expUlps = (x: number): number => 3 + 2 * Math.min(Math.abs(x), 128)

/** Relative error of exp2(y) whose y has a relative error of 3.5 ulp, from log2 and a product. */
const power = (y: number, ulp: number): number => (Math.abs(y) * Math.LN2 * 3.5 + expUlps(y)) * ulp

/**
 * The accuracies that are inherited from an expression, as the sum of the errors of its operations. exp is 3 + 2|x| ulp, log 3
 * ulp, rsqrt 2 ulp, a division 2.5 ulp, a sum or a product 0.5 ulp.
 */
const INHERITED: Readonly<Partial<Record<OpName, Rounding>>> = {
  exp: ([x], y, ulp) => expUlps(x) * ulp * y,
  log1p: (_, y, ulp) => (0.5 + 3 * Math.abs(y)) * ulp,
  sqrt: (_, y, ulp) => 4.5 * ulp * y,
  sigmoid: ([x], y, ulp) => (expUlps(x) + 3) * ulp * y,
  softplus: ([x], y, ulp) => (expUlps(x) * Math.exp(-Math.abs(x)) + 0.5 + 3.5 * y) * ulp,
  power: ([a, b], y, ulp) => (y === 0 ? 0 : power(b * Math.log2(Math.abs(a)), ulp) * Math.abs(y)),
}

/** An absolute accuracy is that of a device; the functions of the host are good to a few ulp of f64. */
const HOST_ULPS = 4

/** Null where the result is exact, or its error depends on more than one element of each operand. */
export function roundingOf(
  op: OpName,
  { name, roundoff, smallest }: Precision,
): ((operands: readonly number[], result: number) => number) | null {
  const { accuracy } = records[op]
  const ulp = 2 * roundoff
  const added = (rounding: Rounding) => (operands: readonly number[], result: number) =>
    Number.isFinite(result) ? rounding(operands, result, ulp) + smallest : 0
  switch (accuracy.kind) {
    case 'exact':
      return null
    case 'ulp':
      return added((_, result) => accuracy.n * ulp * Math.abs(result))
    case 'absolute':
      return name === 'f32' ? added(() => accuracy.error) : added((_, result) => HOST_ULPS * ulp * Math.abs(result))
    case 'inherited': {
      const rounding = INHERITED[op]
      return rounding === undefined ? null : added(rounding)
    }
    default:
      return accuracy satisfies never
  }
}
