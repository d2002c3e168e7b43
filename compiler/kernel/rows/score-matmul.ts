import { constantValue, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import {
  add,
  divide,
  element,
  less,
  literal,
  load,
  multiply,
  reduce,
  remainder,
  select,
  size,
  u32,
  variable,
} from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { indexOf, type Operand } from '../ir/matmul.ts'
import { operandsOf } from '../matmul/operands.ts'
import { matmulView, type MatmulView } from '../matmul/matmul-view.ts'
import type { RowWriter } from './writer.ts'
import { setElement, when, sharedLoop, BARRIER } from '../../scalar/statements.ts'

export interface ScoreMatmul {
  /** The workgroup array of the scores, row by row. */
  readonly scores: string
  readonly columns: number
  readonly statements: readonly Statement[]
}

/**
 * Computes the scores of the workgroup's rows, from `first` on of `rows` in all, in workgroup memory. K may be split where
 * there are more threads than scores, and the partial sums are then added.
 */
export function scoreMatmul(head: Node, first: Expression, rows: Dim, writer: RowWriter): ScoreMatmul {
  const { rowsPerWorkgroup, threads, splitsK } = writer.form
  const view = matmulView(head)
  const columns = constantValue(view.columns)!
  const pairs = rowsPerWorkgroup * columns
  const split = splitsK ? Math.max(1, 2 ** Math.floor(Math.log2(threads / pairs))) : 1
  const scores = writer.fresh('scores')
  const partial = split > 1 ? writer.fresh('partial') : scores
  writer.share({ name: scores, type: 'f32', length: pairs })
  if (split > 1) writer.share({ name: partial, type: 'f32', length: pairs * split })

  const name = writer.fresh('p')
  const p = variable('u32', name)
  const pair = divide(p, u32(split))
  const row = add(first, divide(pair, u32(columns)))
  const sum = partOfProduct(view, row, remainder(pair, u32(columns)), split, remainder(p, u32(split)), writer)
  const inBounds = less(row, size(rows))
  const assign: Statement = setElement(partial, p, sum)
  const fill = forEach(name, pairs * split, threads, when(inBounds, [assign]))
  if (split === 1) return { scores, columns, statements: [fill, BARRIER] }

  const s = writer.scope.accessor.freshVariable()
  const parts = element('f32', partial, add(multiply(p, u32(split)), variable('u32', s)))
  const total = forEach(name, pairs, threads, setElement(scores, p, reduce('sum', s, u32(split), parts)))
  return { scores, columns, statements: [fill, BARRIER, total, BARRIER] }
}

/** The partial sum over k = part, part + split, ...; each operand is read in its layout in memory. */
function partOfProduct(
  view: MatmulView,
  row: Expression,
  column: Expression,
  split: number,
  part: Expression,
  { scope }: RowWriter,
): Expression {
  const { left, rights } = operandsOf([view], scope)
  const k = size(view.k)
  const d = scope.accessor.freshVariable()
  const step = variable('u32', d)
  const at = split === 1 ? step : add(multiply(step, u32(split)), part)
  const loaded = (operand: Operand, line: Expression): Expression =>
    load('f32', operand.buffer, indexOf(operand, u32(0), line, at))
  const term = multiply(loaded(left, row), loaded(rights[0], column))
  if (split === 1) return reduce('sum', d, k, term)
  const extent = divide(add(k, u32(split - 1)), u32(split))
  return reduce('sum', d, extent, select(less(at, k), term, literal('f32', 0)))
}

/** A loop over `count` positions that the threads of the workgroup share. */
const forEach = (name: string, count: number, threads: number, statement: Statement): Statement =>
  sharedLoop(name, u32(count), threads, () => [statement])
