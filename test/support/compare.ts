/** How far two arrays of numbers lie apart. */

/** ||actual - expected|| / ||expected||; NaN where a number is. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2
    norm += expected[i] ** 2
  }
  return actual.length === expected.length ? Math.sqrt(difference / norm) : NaN
}

/** Index of the largest number in each row; the first of equals. */
export function argmaxRows(values: ArrayLike<number>, width: number): readonly number[] {
  return Array.from({ length: values.length / width }, (_, row) => {
    let best = 0
    for (let i = 1; i < width; i++) if (values[row * width + i] > values[row * width + best]) best = i
    return best
  })
}
