/** Random matrix products of every grouping, with their answers in f64. */
import { dim, multiply as times, symbol, type Dim, type DimValues } from '../../../plan/dim.ts'
import type { Matmul } from '../../../compiler/kernel/matmul.ts'
import { add, cast, load, multiply, size, unary } from '../../../compiler/scalar/build.ts'
import type { Expression } from '../../../compiler/scalar/expression.ts'
import { uniform } from '../../support/random.ts'
import type { Bound } from './harness.ts'

export interface CaseShape {
  readonly grouping: 'dense' | 'batched' | 'direct' | 'ordered'
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly products: number
  /** Experts, or batches; rows is a multiple of it where batched. */
  readonly experts: number
  /** Rows of an ordered tile. */
  readonly tile: number
  /** Whether the sizes are symbols. */
  readonly symbolic: boolean
  /** Whether the left rows are looked up by a table. */
  readonly gathered: boolean
  readonly seed: number
}

export interface Case {
  readonly matmul: Matmul
  readonly bounds: readonly Bound[]
  readonly values: DimValues
  /** rows x columns, row-major. */
  readonly expected: Float64Array
}

/** Behind the result: no store may reach it. */
export const PADDING = 64
export const UNTOUCHED = -12345

/** What `order_rows` leaves: the rows by expert, then expert and first place of each tile, unused tiles last. */
export function orderRows(expertOf: readonly number[], experts: number, tile: number): Int32Array<ArrayBuffer> {
  const rows = expertOf.length
  const sorted = expertOf.map((_, row) => row).sort((a, b) => expertOf[a] - expertOf[b] || a - b)
  const tiles = Math.ceil(rows / tile) + experts
  const entries: number[] = []
  for (let expert = 0, first = 0; expert < experts; expert++) {
    const count = expertOf.filter((e) => e === expert).length
    for (let i = 0; i < count; i += tile) entries.push(expert, first + i)
    first += count
  }
  while (entries.length < 2 * tiles) entries.push(-1, rows)
  return Int32Array.from([...sorted, ...entries])
}

interface Activation {
  readonly f64: (sums: readonly number[]) => number
  readonly spelled: (sums: readonly Expression[]) => Expression
}

/** By the number of products. */
const ACTIVATIONS: readonly Activation[] = [
  { f64: ([a]) => a, spelled: ([a]) => a },
  {
    f64: ([a, b]) => (a / (1 + Math.exp(-a))) * b,
    spelled: ([a, b]) => multiply(multiply(a, unary('sigmoid', a)), b),
  },
  { f64: ([a, b, c]) => a * b + c, spelled: ([a, b, c]) => add(multiply(a, b), c) },
]

export function makeCase(shape: CaseShape): Case {
  const { grouping, rows, columns, depth, products, experts, tile, gathered } = shape
  const random = uniform(shape.seed)
  const fill = (length: number): Float32Array<ArrayBuffer> => Float32Array.from({ length }, () => random() - 0.5)
  const named = (name: string, value: number): Dim => (shape.symbolic ? symbol(name) : dim(value))
  const [M, N, K] = [named('M', rows), named('N', columns), named('K', depth)]
  const perBatch = grouping === 'batched' ? Math.ceil(rows / experts) : 0
  const rowCount = grouping === 'batched' ? perBatch * experts : rows
  const rowsDim = grouping === 'batched' ? times(experts, named('M', perBatch)) : M
  const banks = grouping === 'dense' ? 1 : experts

  const leftRows = gathered ? Math.max(1, Math.ceil(rowCount / 2)) : rowCount
  const left = fill(leftRows * depth)
  const weights = Array.from({ length: products }, () => fill(banks * columns * depth))
  const lookup = Int32Array.from({ length: rowCount }, () => Math.floor(random() * leftRows))
  // some experts get nothing
  const expertOf = Array.from({ length: rowCount }, (_, row) =>
    grouping === 'dense' ? 0 : grouping === 'batched' ? Math.floor(row / perBatch) : Math.floor(random() * random() * experts),
  )
  const order = orderRows(expertOf, experts, tile)

  const aligned = depth % 4 === 0
  const kSize = size(K)
  const rowsOf: Matmul['rowsOf'] =
    grouping === 'dense' ? { kind: 'dense' }
    : grouping === 'batched' ? { kind: 'batched', batch: dim(experts) }
    : grouping === 'direct' ? { kind: 'direct', experts, expert: (row) => cast('u32', load('i32', 'expert_ids', row)) }
    : { kind: 'ordered', buffer: 'order', experts, tile }
  const matmul: Matmul = {
    rows: rowsDim,
    columns: N,
    depth: K,
    rowsOf,
    left: {
      buffer: 'x',
      rowStart: (row) => multiply(gathered ? cast('u32', load('i32', 'lookup', row)) : row, kSize),
      aligned,
    },
    products: weights.map((_, p) => ({
      buffer: `w${p}`,
      columnStart: (expert, column) => multiply(add(multiply(expert, size(N)), column), kSize),
      aligned,
    })),
    epilogue: (sums, row, column) => [
      { kind: 'store', buffer: 'y', index: add(multiply(row, size(N)), column), value: ACTIVATIONS[products - 1].spelled(sums) },
    ],
  }

  const expected = new Float64Array(rowCount * columns)
  const sum = (row: number, column: number, p: number): number => {
    const a = (gathered ? lookup[row] : row) * depth
    const b = (expertOf[row] * columns + column) * depth
    let total = 0
    for (let k = 0; k < depth; k++) total += left[a + k] * weights[p][b + k]
    return total
  }
  for (let row = 0; row < rowCount; row++)
    for (let column = 0; column < columns; column++)
      expected[row * columns + column] = ACTIVATIONS[products - 1].f64(weights.map((_, p) => sum(row, column, p)))

  const y = new Float32Array(expected.length + PADDING).fill(UNTOUCHED)
  const banksBound = weights.map((data, p) => ({ name: `w${p}`, data }))
  const bounds: Bound[] = [{ name: 'x', data: left }, ...banksBound, { name: 'y', data: y, written: true }]
  if (gathered) bounds.push({ name: 'lookup', data: lookup })
  if (grouping === 'direct') bounds.push({ name: 'expert_ids', data: Int32Array.from(expertOf) })
  if (grouping === 'ordered') bounds.push({ name: 'order', data: order })
  const values: DimValues = shape.symbolic ? { M: grouping === 'batched' ? perBatch : rows, N: columns, K: depth } : {}
  return { matmul, bounds, values, expected }
}

/** The worst error, relative to the size of the largest answer; Infinity where a store went beyond the result. */
export function worstError(actual: Float32Array, expected: Float64Array): number {
  const scale = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-3)
  if (actual.subarray(expected.length).some((v) => v !== UNTOUCHED)) return Infinity
  return expected.reduce((worst, v, i) => {
    const error = Math.abs(actual[i] - v) / scale
    return Number.isFinite(error) ? Math.max(worst, error) : Infinity
  }, 0)
}

export const flops = (shape: CaseShape): number => 2 * shape.rows * shape.columns * shape.depth * shape.products
