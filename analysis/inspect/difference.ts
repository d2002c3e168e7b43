/** How far weights are from those of another checkpoint. */

/** |a - b| / |a| from sums of squares; 0 where both are zero. */
export const relativeDifference = (squares: number, own: number): number => (squares === 0 ? 0 : Math.sqrt(squares / own))

/** The angle between each row of two matrices [rows, width], in degrees; null where a row is zero. */
export function rowAngles(a: Float64Array, b: Float64Array, width: number): readonly (number | null)[] {
  return Array.from({ length: a.length / width }, (_, row) => {
    const [x, y] = [a, b].map((values) => values.subarray(row * width, (row + 1) * width))
    const [p, q] = [Math.hypot(...x), Math.hypot(...y)]
    if (p === 0 || q === 0) return null
    // of unit vectors |u - v| and |u + v| are 2 sin and 2 cos of half the angle: exact for small angles too
    let [apart, along] = [0, 0]
    for (let at = 0; at < width; at++) {
      const [u, v] = [x[at] / p, y[at] / q]
      apart += (u - v) ** 2
      along += (u + v) ** 2
    }
    return (2 * Math.atan2(Math.sqrt(apart), Math.sqrt(along)) * 180) / Math.PI
  })
}
