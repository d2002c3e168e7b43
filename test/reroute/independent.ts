/** W_EV by another way than the product's: eigenvectors of Gram matrices by two-sided Jacobi rotations. */

type Matrix = readonly Float64Array[]

export const matrix = (rows: number, columns: number, at: (row: number, column: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Float64Array.from({ length: columns }, (__, j) => at(i, j)))

const gram = (w: Matrix): Float64Array[] =>
  Array.from({ length: w[0].length }, (_, i) =>
    Float64Array.from({ length: w[0].length }, (__, j) => w.reduce((sum, row) => sum + row[i] * row[j], 0)),
  )

/** Eigenvectors as rows, the largest eigenvalue first. */
function eigenvectors(a: Float64Array[]): Matrix {
  const n = a.length
  const v = a.map((_, i) => Float64Array.from({ length: n }, (__, j) => (i === j ? 1 : 0)))
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p])
        const [c, s] = [Math.cos(angle), Math.sin(angle)]
        for (let i = 0; i < n; i++) [a[i][p], a[i][q]] = [c * a[i][p] - s * a[i][q], s * a[i][p] + c * a[i][q]]
        for (let i = 0; i < n; i++) [a[p][i], a[q][i]] = [c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]]
        for (let i = 0; i < n; i++) [v[i][p], v[i][q]] = [c * v[i][p] - s * v[i][q], s * v[i][p] + c * v[i][q]]
      }
    }
  }
  const order = a.map((_, i) => i).sort((x, y) => a[y][y] - a[x][x])
  return order.map((j) => v.map((row) => row[j])).map((vector) => Float64Array.from(vector))
}

/** The mean of the c right singular vectors most like the row by |dot|, each turned towards it. */
function likeness(w: Matrix, row: Float64Array, c: number): Float64Array {
  const count = Math.min(w.length, row.length)
  const scored = eigenvectors(gram(w))
    .slice(0, count)
    .map((vector) => ({ vector, dot: vector.reduce((sum, x, i) => sum + x * row[i], 0) }))
  const best = scored.sort((x, y) => Math.abs(y.dot) - Math.abs(x.dot)).slice(0, Math.min(c, count))
  return row.map((_, i) => best.reduce((sum, { vector, dot }) => sum + (dot < 0 ? -1 : 1) * vector[i], 0) / best.length)
}

/** Row e: the mean over the matrices [F, D] of expert e. */
export function directionsOf(experts: readonly (readonly Matrix[])[], gate: Matrix, c: number): Matrix {
  return experts.map((matrices, e) => {
    const parts = matrices.map((w) => likeness(w, gate[e], c))
    return gate[e].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length)
  })
}
