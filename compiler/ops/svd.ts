/** Singular values and vectors of matrices. */
import { add, constantValue, minimum, multiply } from '../../plan/dim.ts'
import { decompose } from './jacobi.ts'
import { inherited, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, shapeText, wantCount, wantType } from './shapes.ts'
import { elements, EvaluationError, hostTensor, type HostTensor } from './tensor.ts'

function infer(inputs: readonly TensorType[]): TensorType | ShapeError {
  const complaint = wantCount(inputs, 1) ?? wantType(inputs[0], 'matrix', 'f32')
  if (complaint) return complaint
  const { shape } = inputs[0]
  if (shape.length < 2) return fail(`a matrix has 2 axes or more, not ${shapeText(shape)}`)
  const [rows, columns] = shape.slice(-2)
  const none = firstOf(
    ...[rows, columns].map((size) =>
      constantValue(size) === 0 ? fail(`a matrix has a row and a column, not ${shapeText(shape)}`) : null,
    ),
  )
  const count = minimum(rows, columns)
  return none ?? { shape: [...shape.slice(0, -2), multiply(count, add(1, add(rows, columns)))], dtype: 'f32' }
}

/** The largest component positive, of equals the first. */
function signOf(vector: Float64Array): number {
  let best = 0
  vector.forEach((x, i) => {
    if (Math.abs(x) > Math.abs(vector[best])) best = i
  })
  return vector[best] < 0 ? -1 : 1
}

/** [values, left vectors, right vectors] of one row-major matrix. */
function packed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const tall = rows >= columns
  const [count, length] = tall ? [columns, rows] : [rows, columns]
  const at = (j: number, i: number): number => (tall ? matrix[i * columns + j] : matrix[j * columns + i])
  const { values, long, short } = decompose(
    Array.from({ length: count }, (_, j) => Float64Array.from({ length }, (__, i) => at(j, i))),
  )
  const [left, right] = tall ? [long, short] : [short, long]
  const signs = right.map(signOf)
  const signed = (vectors: readonly Float64Array[]): number[] =>
    vectors.flatMap((vector, j) => [...vector].map((x) => signs[j] * x))
  return Float64Array.from([...values, ...signed(left), ...signed(right)])
}

function refuseWild({ values }: HostTensor, rows: number, columns: number): void {
  const at = values.findIndex((x) => !Number.isFinite(x))
  if (at < 0) return
  const each = rows * columns
  const [matrix, row, column] = [Math.floor(at / each), Math.floor((at % each) / columns), at % columns]
  throw new EvaluationError(
    `svd: matrix ${matrix} of ${values.length / each} holds ${values[at]} in row ${row}, column ${column}`,
  )
}

function svd(x: HostTensor): HostTensor {
  const [rows, columns] = x.shape.slice(-2)
  if (rows * columns === 0) throw new EvaluationError(`svd: a matrix has a row and a column, not ${rows} x ${columns}`)
  refuseWild(x, rows, columns)
  const matrices = elements(x.shape.slice(0, -2))
  const width = Math.min(rows, columns) * (1 + rows + columns)
  const values = new Float64Array(matrices * width)
  for (let n = 0; n < matrices; n++)
    values.set(packed(x.values.subarray(n * rows * columns, (n + 1) * rows * columns), rows, columns), n * width)
  return hostTensor([...x.shape.slice(0, -2), width], 'f32', values)
}

export const decompositions: Records<'svd'> = {
  svd: {
    doc:
      'The thin singular value decomposition of each M x N matrix, K = min(M, N), packed: K singular values, descending, then K left vectors of ' +
      'length M, then K right vectors of length N. The vectors of either side are orthonormal, whatever the rank; in each right vector the ' +
      'component of the largest magnitude, of equals the first, is positive. NaN and infinite values are refused; on a device one of them fills the result of its matrix.',
    formula: 'y = [s[0..K], u[0..K], v[0..K]], x = sum over j of s[j] * u[j] * v[j]^T',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('||x - u s v^T|| within 1e-5 of ||x||, and vectors within 1e-5 of orthonormal'),
    infer,
    evaluate: ([x]) => svd(x),
  },
}
