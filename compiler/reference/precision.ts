/** The arithmetic whose rounding errors are bounded: f32 of devices, f64 of the host. */

export interface Precision {
  readonly name: 'f32' | 'f64'
  /** The unit roundoff u: the result of an operation is rounded by at most u of its size. An ulp is at most 2u of it. */
  readonly roundoff: number
  /** Results below this size may be flushed to zero. */
  readonly smallest: number
  /** Larger results are infinite. */
  readonly largest: number
}

export const F32: Precision = { name: 'f32', roundoff: 2 ** -24, smallest: 2 ** -126, largest: 3.4028234663852886e38 }
export const F64: Precision = { name: 'f64', roundoff: 2 ** -53, smallest: 2 ** -1022, largest: Number.MAX_VALUE }

/**
 * The bound of the rounding errors of a chain of n operations: n u / (1 - n u). Higham, Accuracy and Stability of Numerical
 * Algorithms, 3.1.
 */
export function chain(n: number, { roundoff }: Precision): number {
  const product = n * roundoff
  return product < 1 ? product / (1 - product) : Infinity
}
