/** A matrix product as the routines take it: what to multiply, for which rows, and what to do with the sums. */
import type { Dim } from '../../../plan/dim.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, multiply, size, variable } from '../../scalar/build.ts'

/**
 * products[p][row, column] = sum over depth of left[row, depth] * bank_p[expert(row), column, depth], all f32, accumulated in f32.
 * All products share the left operand, so its loads serve each of them; the epilogue sees all sums of one element at once.
 */
export interface Matmul {
  readonly rows: Dim
  readonly columns: Dim
  readonly depth: Dim
  readonly depthOf: DepthGrouping
  readonly rowsOf: RowGrouping
  /** Its lines are the rows. */
  readonly left: Operand
  /** Their lines are the columns. */
  readonly products: readonly Operand[]
  /** What becomes of the sums of one element; ends in stores. */
  readonly epilogue: (sums: readonly Expression[], row: Expression, column: Expression) => readonly Statement[]
}

/** An operand is lines times depth, and lies in memory with one or the other side by side. */
export type Operand =
  | {
      readonly along: 'depth'
      readonly buffer: string
      /** Where the element at depth 0 of a line lies. Lines of the left operand are rows, whose number tells the expert; columns count from 0 for each. */
      readonly start: (expert: Expression, line: Expression) => Expression
      /** Whether every line starts at a multiple of four elements and the depth is one. */
      readonly aligned: boolean
    }
  | {
      readonly along: 'lines'
      readonly buffer: string
      /** Where an expert's line 0 lies at depth 0. Lines count from 0 for each expert, rows too. */
      readonly start: (expert: Expression) => Expression
      /** Elements from one depth to the next. */
      readonly stride: Dim
      /** What stands in the place of a depth where it is looked up; null where it stands for itself. */
      readonly place: ((depth: Expression) => Expression) | null
      /** Whether every start and the stride are multiples of four elements, and so is the number of lines of an expert. */
      readonly aligned: boolean
    }

/** What is computed to find an operand's elements. */
export function addressesOf(operand: Operand): readonly Expression[] {
  const [expert, line, depth] = ['expert', 'line', 'depth'].map((name) => variable('u32', name))
  if (operand.along === 'depth') return [operand.start(expert, line)]
  return [operand.start(expert), ...(operand.place === null ? [] : [operand.place(depth)])]
}

/** The index in memory of an operand's element, for kernels that load one element at a time. */
export function indexOf(operand: Operand, expert: Expression, line: Expression, depth: Expression): Expression {
  if (operand.along === 'depth') return add(operand.start(expert, line), depth)
  const place = operand.place === null ? depth : operand.place(depth)
  return add(operand.start(expert), add(multiply(place, size(operand.stride)), line))
}

export type DepthGrouping =
  /** 0 .. depth - 1, the same for all. */
  | { readonly kind: 'whole' }
  /** Of `depth` rows in all, those of the expert, by their numbers and ascending: from the buffer an `sort_by_expert` node fills. No operand lies along such a depth. */
  | { readonly kind: 'ordered'; readonly buffer: string; readonly experts: number; readonly tile: number }

export type RowGrouping =
  /** One matrix for all rows: the expert is 0. */
  | { readonly kind: 'dense' }
  /** `batch` products one after the other, each of `rows / batch` rows; the expert of a row is its batch number. */
  | { readonly kind: 'batched'; readonly batch: Dim }
  /** Few rows: each looks up its own expert; a row whose expert is none of them is left unwritten. */
  | { readonly kind: 'direct'; readonly experts: number; readonly expert: (row: Expression) => Expression }
  /** Many rows: tiles of rows of one expert, rows without one in none of them, from the buffer an `sort_by_expert` node fills (its layout stands in the vocabulary). */
  | { readonly kind: 'ordered'; readonly buffer: string; readonly experts: number; readonly tile: number }
