/** The expert histogram of the rows of a workgroup, which is one block. */
import { constantValue, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { add, binary, cast, element, literal, multiply, reduce, select, size, u32, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { linearise } from '../scope/indexing.ts'
import type { RowWriter, Shared } from './writer.ts'
import { THREAD, WORKGROUP, setElement, store, loopTo, sharedLoop, BARRIER } from '../../scalar/statements.ts'

const CHOSEN = 'chosen_rows'

const choicesOf = (chosen: Node): number => constantValue(chosen.shape.at(-1)!)!

/** The workgroup array of the experts that each row has chosen. */
export const chosenArray = (counts: Node, rows: number): Shared => ({
  name: CHOSEN,
  type: 'i32',
  length: rows * choicesOf(counts.inputs[0]),
})

/** Stores the experts that the thread's row has chosen in the workgroup array. */
export function shareChosen(chosen: Node, row: RowWriter): Statement {
  const j = row.fresh('j')
  const at = variable('u32', j)
  const k = choicesOf(chosen)
  const index = add(multiply(THREAD, u32(k)), at)
  return loopTo(j, u32(k), () => [setElement(CHOSEN, index, row.value(chosen, at))])
}

/** Each thread counts its own experts, so that the counts need no atomics and are the same in every run. */
export function storeHistogram(
  counts: Node & { op: 'expert_histogram' },
  first: Expression,
  rows: Dim,
  row: RowWriter,
): readonly Statement[] {
  const { rowsPerWorkgroup, threads } = row.form
  const { experts } = counts.params
  const expert = variable('u32', 'expert')
  const r = row.scope.accessor.freshVariable()
  const inBlock = binary('minimum', u32(rowsPerWorkgroup), binary('subtract', size(rows), first))
  const filled = multiply(inBlock, u32(choicesOf(counts.inputs[0])))
  const isMine = binary('equal', element('i32', CHOSEN, variable('u32', r)), cast('i32', expert))
  const count = reduce('sum', r, filled, select(isMine, literal('i32', 1), literal('i32', 0)))
  const index = linearise([WORKGROUP, expert], counts.shape)
  return [BARRIER, sharedLoop('expert', u32(experts), threads, () => [store(row.scope.naming.write(counts), index, count)])]
}
