/** Values of two stages, compared element by element with what rounding may have changed. */
import type { Bounded } from '../../compiler/reference/error-bounds.ts'
import type { Precision } from '../../compiler/reference/precision.ts'

/** One element that differs by more than is allowed. */
export interface Mismatch {
  readonly indices: readonly number[]
  readonly got: number
  readonly want: number
  readonly allowed: number
}

export interface Comparison {
  readonly elements: number
  /** Elements that follow from a decision between values closer together than their errors. */
  readonly undetermined: number
  /** The largest difference of a finite element. */
  readonly largest: number
  /** The first element that differs by more than is allowed; null where none does. */
  readonly mismatch: Mismatch | null
}

export const NOTHING: Comparison = { elements: 0, undetermined: 0, largest: 0, mismatch: null }

function indicesOf(at: number, shape: readonly number[]): readonly number[] {
  let rest = at
  return shape
    .toReversed()
    .map((size) => {
      const index = rest % size
      rest = Math.floor(rest / size)
      return index
    })
    .toReversed()
}

const isSame = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

/** `got` beside `want`, whose errors `allowed` are for each element. */
export function compare(
  got: ArrayLike<number>,
  { value, error }: Bounded,
  { largest: most, smallest }: Precision,
  factor = 1,
): Comparison {
  let [undetermined, largest, first] = [0, 0, -1]
  const allowed = (at: number): number => (error[at] === 0 ? 0 : factor * error[at] + smallest)
  value.values.forEach((want, at) => {
    if (error[at] === Infinity) {
      undetermined++
      return
    }
    if (isSame(got[at], want)) return
    const difference = Math.abs(got[at] - want)
    // a result that is rounded beyond the largest number is infinite
    const overflows = !Number.isFinite(got[at]) && Math.sign(got[at]) === Math.sign(want) && Math.abs(want) + allowed(at) >= most
    if (Number.isFinite(difference)) largest = Math.max(largest, difference)
    if (first < 0 && !overflows && !(difference <= allowed(at))) first = at
  })
  const mismatch =
    first < 0
      ? null
      : { indices: indicesOf(first, value.shape), got: got[first], want: value.values[first], allowed: allowed(first) }
  return { elements: value.values.length, undetermined, largest, mismatch }
}

/** Several comparisons as one; the first mismatch stands. */
export const together = (all: readonly Comparison[]): Comparison =>
  all.reduce(
    (sum, one) => ({
      elements: sum.elements + one.elements,
      undetermined: sum.undetermined + one.undetermined,
      largest: Math.max(sum.largest, one.largest),
      mismatch: sum.mismatch ?? one.mismatch,
    }),
    NOTHING,
  )
