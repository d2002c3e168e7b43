/** Gram-Schmidt orthonormalization. */

/** Subtracts from one row its projection on another. */
function subtract(values: Float64Array, from: number, direction: number, width: number): void {
  let dot = 0
  for (let at = 0; at < width; at++) dot += values[from * width + at] * values[direction * width + at]
  for (let at = 0; at < width; at++) values[from * width + at] -= dot * values[direction * width + at]
}

/**
 * Orthonormalizes the rows of a matrix [rows, width], rows <= width, in place. Each projection is subtracted twice, which is
 * enough for full accuracy (Giraud et al., 2005). Rows of normal numbers become Haar-distributed, because the diagonal of the
 * triangular factor is positive.
 */
export function orthonormalRows(values: Float64Array, rows: number, width: number): Float64Array {
  for (let row = 0; row < rows; row++) {
    for (let pass = 0; pass < 2; pass++) for (let before = 0; before < row; before++) subtract(values, row, before, width)
    const own = values.subarray(row * width, (row + 1) * width)
    const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0))
    for (let at = 0; at < width; at++) own[at] /= norm
  }
  return values
}
