/** Rows that each belong to one expert: the three ragged products are one another's gradients. */
import { NONE } from '../../ops/build.ts'
import { none, refused, rule, type GradientRules, type Tape } from '../rule.ts'
import type { Node } from '../../graph/node.ts'
import { alwaysHasExpert } from '../../graph/expert-rows.ts'

const schedule = refused('it only guides a schedule, and is made after gradients are')

/** Rows without an expert as 0: a device leaves those of a routed product unwritten. */
function guarded(tape: Tape, product: Node, expert: Node): Node {
  if (alwaysHasExpert(expert)) return product
  const isNone = tape.make('less', [expert, tape.like(expert, 0)], NONE)
  const condition = tape.spread(tape.make('not', [isNone], NONE), product.shape, [0])
  return tape.where(condition, product)
}

const swapped = (tape: Tape, bank: Node): Node => tape.transpose(bank, [0, 2, 1])

export const routed: GradientRules<
  'grouped_matmul' | 'grouped_weight_gradient' | 'segment_sum' | 'position_in_expert' | 'expert_histogram' | 'sort_by_expert'
> = {
  grouped_matmul: rule(
    'dx[n] = bank[expert[n]]^T dy[n], dbank = grouped_weight_gradient(x, dy)',
    (tape, { inputs: [x, bank, expert] }, dy) => [
      guarded(tape, tape.make('grouped_matmul', [dy, swapped(tape, bank), expert], NONE), expert),
      tape.make('grouped_weight_gradient', [x, dy, expert], { experts: Number(bank.shape[0].key) }),
      null,
    ],
  ),
  grouped_weight_gradient: rule(
    'dx[n] = dy[expert[n]]^T rows[n], drows[n] = dy[expert[n]] x[n]',
    (tape, { inputs: [x, rows, expert] }, dy) => [
      guarded(tape, tape.make('grouped_matmul', [rows, swapped(tape, dy), expert], NONE), expert),
      guarded(tape, tape.make('grouped_matmul', [x, dy, expert], NONE), expert),
      null,
    ],
  ),
  segment_sum: rule('dvalues[n] = dy[ids[n]], 0 where that is -1', (tape, { inputs: [values, ids] }, dy) => {
    const isNone = tape.make('less', [ids, tape.like(ids, 0)], NONE)
    const place = tape.make('select', [isNone, tape.like(ids, 0), ids], NONE)
    const read = tape.make('take', [dy, place], NONE)
    return [tape.make('select', [tape.spread(isNone, values.shape, [0]), tape.like(values, 0), read], NONE), null]
  }),
  position_in_expert: none('places are whole numbers'),
  expert_histogram: schedule,
  sort_by_expert: schedule,
}
