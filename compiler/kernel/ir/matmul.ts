/** A matmul as plain data: what the kernel templates multiply, for which rows, and the epilogue on the sums. */
import type { Dim } from '../../../plan/dim.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, multiply, size, variable } from '../../scalar/build.ts'
import { substitute } from '../../scalar/substitute.ts'

/**
 * sums[p][row, column] = sum over k of left[row, k] * right_p[expert(row), column, k], all f32, accumulated in f32. All right
 * operands share the left one, whose loads serve each of them. The epilogue is run for each element, over the variables `row`,
 * `column` and `sum0`, `sum1`, ...
 */
export interface Matmul {
  readonly rows: Dim
  readonly columns: Dim
  readonly k: Dim
  readonly kRange: KRange
  readonly rowGrouping: RowGrouping
  readonly left: Operand
  readonly rights: readonly Operand[]
  readonly epilogue: readonly Statement[]
}

/** The reserved variables of a matmul, all u32: the indices that its expressions are over. */
export const ROW = variable('u32', 'row')
export const COLUMN = variable('u32', 'column')
export const EXPERT = variable('u32', 'expert')
export const K_INDEX = variable('u32', 'k_index')

/** The sum of right operand p, f32: a reserved variable of the epilogue. */
export const sumOf = (p: number): Expression & { readonly kind: 'variable' } =>
  variable('f32', `sum${p}`) as Expression & { readonly kind: 'variable' }

/**
 * An operand in memory: K-major, where neighbouring elements of K are neighbours, or MN-major, where rows (of the left) or
 * columns are.
 */
export type Operand =
  | {
      readonly layout: 'k-major'
      readonly buffer: string
      /**
       * The index of the element at k = 0, over `row` (the left operand) or over `expert` and `column` (a right one, columns per
       * expert).
       */
      readonly base: Expression
      /** Whether every base and K are multiples of four elements. */
      readonly aligned: boolean
    }
  | {
      readonly layout: 'mn-major'
      readonly buffer: string
      /** The index of an expert's row or column 0 at k = 0, over `expert`. Rows and columns count from 0 for each expert. */
      readonly base: Expression
      /** Elements from one k to the next. */
      readonly stride: Dim
      /** The k that is read for `k_index`, over `k_index`, where rows are gathered along K; null where it is `k_index` itself. */
      readonly gather: Expression | null
      /** Whether every base, the stride and the rows or columns of an expert are multiples of four elements. */
      readonly aligned: boolean
    }

/** The index in memory of an operand's element, for kernels that load one element at a time. */
export function indexOf(operand: Operand, expert: Expression, line: Expression, k: Expression): Expression {
  const at = (e: Expression): Expression => substitute(e, { expert, row: line, column: line, k_index: k })
  if (operand.layout === 'k-major') return add(at(operand.base), k)
  const gathered = operand.gather === null ? k : at(operand.gather)
  return add(at(operand.base), add(multiply(gathered, size(operand.stride)), line))
}

/** The buffer that a `sort_by_expert` node fills, laid out as `graph/sorted-rows.ts` states. */
export interface SortedRows {
  readonly buffer: string
  readonly experts: number
  readonly tile: number
}

export type KRange =
  /** 0 .. k - 1 for all rows. */
  | { readonly kind: 'all' }
  /** Of `k` rows in all, the rows of the expert, ascending. Operands are MN-major. */
  | ({ readonly kind: 'sorted' } & SortedRows)

export type RowGrouping =
  /** One right operand for all rows: the expert is 0. */
  | { readonly kind: 'dense' }
  /** `batch` matmuls one after the other, each of `rows / batch` rows; the expert of a row is its batch number. */
  | { readonly kind: 'batched'; readonly batch: Dim }
  /** Few rows: each looks up its expert, over `row`; a row whose expert is not below `experts` is not written. */
  | { readonly kind: 'lookup'; readonly experts: number; readonly expert: Expression }
  /** Many rows: tiles of rows of one expert; rows without an expert are in no tile. */
  | ({ readonly kind: 'sorted' } & SortedRows)
