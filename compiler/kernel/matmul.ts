/** A matrix product as the routines take it: what to multiply, for which rows, and what to do with the sums. */
import type { Dim } from '../../plan/dim.ts'
import type { Expression, Statement } from '../scalar/expression.ts'

/**
 * products[p][row, column] = sum over depth of left[row, depth] * bank_p[expert(row), column, depth], all f32, accumulated in f32.
 * All products share the left operand, so its loads serve each of them; the epilogue sees all sums of one element at once.
 */
export interface Matmul {
  readonly rows: Dim
  readonly columns: Dim
  readonly depth: Dim
  readonly rowsOf: RowGrouping
  readonly left: {
    readonly buffer: string
    /** Where left[row, 0] lies, in elements; depth is contiguous from there. */
    readonly rowStart: (row: Expression) => Expression
    /** Whether every row starts at a multiple of four elements and depth is one. */
    readonly aligned: boolean
  }
  readonly products: readonly {
    readonly buffer: string
    /** Where bank[expert, column, 0] lies, in elements; depth is contiguous from there. */
    readonly columnStart: (expert: Expression, column: Expression) => Expression
    readonly aligned: boolean
  }[]
  /** What becomes of the sums of one element; ends in stores. */
  readonly epilogue: (sums: readonly Expression[], row: Expression, column: Expression) => readonly Statement[]
}

export type RowGrouping =
  /** One matrix for all rows: the expert is 0. */
  | { readonly kind: 'dense' }
  /** `batch` products one after the other, each of `rows / batch` rows; the expert of a row is its batch number. */
  | { readonly kind: 'batched'; readonly batch: Dim }
  /** Few rows: each looks up its own expert; a row whose expert is none of them is left unwritten. */
  | { readonly kind: 'direct'; readonly experts: number; readonly expert: (row: Expression) => Expression }
  /** Many rows: tiles of rows of one expert, rows without one in none of them, from the buffer an `order_rows` node fills (its layout stands in the vocabulary). */
  | { readonly kind: 'ordered'; readonly buffer: string; readonly experts: number; readonly tile: number }
