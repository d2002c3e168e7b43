/** Random matmuls of every grouping, with their expected values in f64. */
import { dim, multiply as times, symbol, type Dim, type DimValues } from '../../../plan/dim.ts'
import { encodeSortedRows } from '../../../compiler/graph/sorted-rows.ts'
import { COLUMN, EXPERT, K_INDEX, ROW, sumOf, type Matmul } from '../../../compiler/kernel/ir/matmul.ts'
import { add, cast, load, multiply, size, unary } from '../../../compiler/scalar/build.ts'
import type { Expression } from '../../../compiler/scalar/expression.ts'
import { uniform } from '../../support/random.ts'
import type { Bound } from './harness.ts'

export interface CaseShape {
  /** `outer`: a weight gradient, whose K are the rows of an expert. */
  readonly grouping: 'dense' | 'batched' | 'lookup' | 'sorted' | 'outer'
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly products: number
  /** MN-major operands: both of a weight gradient; the left one only of rows in batches or of one matrix. */
  readonly mnMajor?: { readonly left: boolean; readonly right: boolean }
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

/** What `sort_by_expert` leaves, of the expert of each row or -1. */
export function orderRows(expertOf: readonly number[], experts: number, tile: number): Int32Array<ArrayBuffer> {
  const rowsOf = (expert: number): readonly number[] => [...expertOf.keys()].filter((row) => expertOf[row] === expert)
  return Int32Array.from(
    encodeSortedRows(
      Array.from({ length: experts }, (_, expert) => rowsOf(expert)),
      expertOf.length,
      tile,
    ),
  )
}

interface Activation {
  readonly f64: (sums: readonly number[]) => number
  readonly emitted: (sums: readonly Expression[]) => Expression
}

/** By the number of products. */
const ACTIVATIONS: readonly Activation[] = [
  { f64: ([a]) => a, emitted: ([a]) => a },
  {
    f64: ([a, b]) => (a / (1 + Math.exp(-a))) * b,
    emitted: ([a, b]) => multiply(multiply(a, unary('sigmoid', a)), b),
  },
  { f64: ([a, b, c]) => a * b + c, emitted: ([a, b, c]) => add(multiply(a, b), c) },
]

/** What a case is made of, whatever its grouping. */
interface Setting {
  readonly shape: CaseShape
  readonly random: () => number
  readonly fill: (length: number) => Float32Array<ArrayBuffer>
  readonly M: Dim
  readonly N: Dim
  readonly K: Dim
}

export function makeCase(shape: CaseShape): Case {
  const random = uniform(shape.seed)
  const named = (name: string, value: number): Dim => (shape.symbolic ? symbol(name) : dim(value))
  const setting: Setting = {
    shape,
    random,
    fill: (length) => Float32Array.from({ length }, () => random() - 0.5),
    M: named('M', rowsEach(shape)),
    N: named('N', shape.columns),
    K: named('K', shape.depth),
  }
  return shape.grouping === 'outer' ? outerCase(setting) : rowsCase(setting)
}

const rowsEach = ({ grouping, rows, experts }: CaseShape): number => (grouping === 'batched' ? Math.ceil(rows / experts) : rows)

const dimValues = (shape: CaseShape): DimValues =>
  shape.symbolic ? { M: rowsEach(shape), N: shape.columns, K: shape.depth } : {}

const storeProducts = ({ shape, N }: Setting): Matmul['epilogue'] => [
  {
    kind: 'store',
    buffer: 'y',
    index: add(multiply(ROW, size(N)), COLUMN),
    value: ACTIVATIONS[shape.products - 1].emitted(Array.from({ length: shape.products }, (_, p) => sumOf(p))),
  },
]

function resultBound(length: number): Bound {
  return { name: 'y', data: new Float32Array(length + PADDING).fill(UNTOUCHED), written: true }
}

/** rows x columns of a function that gives the sum of each product. */
function answers(
  rows: number,
  { columns, products }: CaseShape,
  sum: (row: number, column: number, p: number) => number,
): Float64Array {
  const each = Array.from({ length: products }, (_, p) => p)
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns]
    return ACTIVATIONS[products - 1].f64(each.map((p) => sum(row, column, p)))
  })
}

function rowsCase(setting: Setting): Case {
  const { shape, random, fill, M, N, K } = setting
  const { grouping, columns, depth, products, experts, tile, gathered } = shape
  const { left: leftLines, right: rightLines } = shape.mnMajor ?? { left: false, right: false }
  const each = rowsEach(shape)
  const rowCount = grouping === 'batched' ? each * experts : each
  const banks = grouping === 'dense' ? 1 : experts

  const isGathered = gathered && !leftLines
  const leftRows = isGathered ? Math.max(1, Math.ceil(rowCount / 2)) : rowCount
  const left = fill(leftRows * depth)
  const weights = Array.from({ length: products }, () => fill(banks * columns * depth))
  const lookup = Int32Array.from({ length: rowCount }, () => Math.floor(random() * leftRows))
  // some experts get nothing
  const expertOf = Array.from({ length: rowCount }, (_, row) =>
    grouping === 'dense' ? 0 : grouping === 'batched' ? Math.floor(row / each) : Math.floor(random() * random() * experts),
  )
  const order = orderRows(expertOf, experts, tile)

  const rowGrouping: Matmul['rowGrouping'] =
    grouping === 'batched'
      ? { kind: 'batched', batch: dim(experts) }
      : grouping === 'lookup'
        ? { kind: 'lookup', experts, expert: cast('u32', load('i32', 'expert_ids', ROW)) }
        : grouping === 'sorted'
          ? { kind: 'sorted', buffer: 'order', experts, tile }
          : { kind: 'dense' }
  const kMajor = { layout: 'k-major', aligned: depth % 4 === 0 } as const
  const matmul: Matmul = {
    rows: grouping === 'batched' ? times(experts, M) : M,
    columns: N,
    k: K,
    kRange: { kind: 'all' },
    rowGrouping,
    left: leftLines
      ? {
          layout: 'mn-major',
          buffer: 'x',
          base: multiply(EXPERT, size(times(K, M))),
          stride: M,
          gather: null,
          aligned: each % 4 === 0,
        }
      : {
          ...kMajor,
          buffer: 'x',
          base: multiply(isGathered ? cast('u32', load('i32', 'lookup', ROW)) : ROW, size(K)),
        },
    rights: weights.map((_, p) =>
      rightLines
        ? {
            layout: 'mn-major',
            buffer: `w${p}`,
            base: multiply(EXPERT, size(times(K, N))),
            stride: N,
            gather: null,
            aligned: columns % 4 === 0,
          }
        : {
            ...kMajor,
            buffer: `w${p}`,
            base: multiply(add(multiply(EXPERT, size(N)), COLUMN), size(K)),
          },
    ),
    epilogue: storeProducts(setting),
  }

  const leftAt = (row: number, k: number): number => {
    if (leftLines) return left[(expertOf[row] * depth + k) * each + (row - expertOf[row] * each)]
    return left[(isGathered ? lookup[row] : row) * depth + k]
  }
  const bankAt = (p: number, expert: number, column: number, k: number): number =>
    weights[p][rightLines ? (expert * depth + k) * columns + column : (expert * columns + column) * depth + k]
  const expected = answers(rowCount, shape, (row, column, p) => {
    let total = 0
    for (let k = 0; k < depth; k++) total += leftAt(row, k) * bankAt(p, expertOf[row], column, k)
    return total
  })

  const bounds: Bound[] = [
    { name: 'x', data: left },
    ...weights.map((data, p) => ({ name: `w${p}`, data })),
    resultBound(expected.length),
  ]
  if (isGathered) bounds.push({ name: 'lookup', data: lookup })
  if (grouping === 'lookup') bounds.push({ name: 'expert_ids', data: Int32Array.from(expertOf) })
  if (grouping === 'sorted') bounds.push({ name: 'order', data: order })
  return { matmul, bounds, values: dimValues(shape), expected }
}

/** For each expert a product over its rows of `depth` in all; some rows have no expert. */
function outerCase(setting: Setting): Case {
  const { shape, random, fill, M, N, K } = setting
  const { rows: lines, columns, depth, products, experts, tile, gathered } = shape
  const sources = gathered ? Math.max(1, Math.ceil(depth / 2)) : depth
  const left = fill(depth * lines)
  const rights = Array.from({ length: products }, () => fill(sources * columns))
  const lookup = Int32Array.from({ length: depth }, () => Math.floor(random() * sources))
  const expertOf = Array.from({ length: depth }, () => Math.floor(random() * random() * (experts + 1)) - 1)
  const matmul: Matmul = {
    rows: times(experts, M),
    columns: N,
    k: K,
    kRange: { kind: 'sorted', buffer: 'order', experts, tile },
    rowGrouping: { kind: 'batched', batch: dim(experts) },
    left: { layout: 'mn-major', buffer: 'x', base: size(0), stride: M, gather: null, aligned: lines % 4 === 0 },
    rights: rights.map((_, p) => ({
      layout: 'mn-major',
      buffer: `w${p}`,
      base: size(0),
      stride: N,
      aligned: columns % 4 === 0,
      gather: gathered ? cast('u32', load('i32', 'lookup', K_INDEX)) : null,
    })),
    epilogue: storeProducts(setting),
  }
  const expected = answers(experts * lines, shape, (row, column, p) =>
    expertOf.reduce((total, expert, n) => {
      if (expert !== Math.floor(row / lines)) return total
      return total + left[n * lines + (row % lines)] * rights[p][(gathered ? lookup[n] : n) * columns + column]
    }, 0),
  )
  const bounds: Bound[] = [
    { name: 'x', data: left },
    ...rights.map((data, p) => ({ name: `w${p}`, data })),
    resultBound(expected.length),
    { name: 'order', data: orderRows(expertOf, experts, tile) },
  ]
  if (gathered) bounds.push({ name: 'lookup', data: lookup })
  return { matmul, bounds, values: dimValues(shape), expected }
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
