/** Grouped GEMM and segment sum: the gradients of each are expressed by the others. */
import { NONE } from '../../ops/build.ts'
import type { Maker } from '../../ops/maker.ts'
import { none, refused, rule, type GradientRules } from '../rule.ts'
import type { Node } from '../../graph/node.ts'
import { alwaysHasExpert } from '../../graph/expert-rows.ts'

const schedule = refused('it is a scheduling hint, inserted after differentiation')

/** Sets rows without an expert to 0: a grouped GEMM on a device leaves them unwritten. */
function guarded(make: Maker, product: Node, expert: Node): Node {
  if (alwaysHasExpert(expert)) return product
  const isNone = make('less', [expert, make.like(expert, 0)], NONE)
  const condition = make.broadcast(make('not', [isNone], NONE), product.shape, [0])
  return make.where(condition, product)
}

const swapped = (make: Maker, bank: Node): Node => make.transpose(bank, [0, 2, 1])

export const routed: GradientRules<
  'grouped_matmul' | 'grouped_weight_gradient' | 'segment_sum' | 'position_in_expert' | 'expert_histogram' | 'sort_by_expert'
> = {
  grouped_matmul: rule(
    'dx[n] = bank[expert[n]]^T dy[n], dbank = grouped_weight_gradient(x, dy)',
    (make, { inputs: [x, bank, expert] }, dy) => [
      guarded(make, make('grouped_matmul', [dy, swapped(make, bank), expert], NONE), expert),
      make('grouped_weight_gradient', [x, dy, expert], { experts: Number(bank.shape[0].key) }),
      null,
    ],
  ),
  grouped_weight_gradient: rule(
    'dx[n] = dy[expert[n]]^T rows[n], drows[n] = dy[expert[n]] x[n]',
    (make, { inputs: [x, rows, expert] }, dy) => [
      guarded(make, make('grouped_matmul', [rows, swapped(make, dy), expert], NONE), expert),
      guarded(make, make('grouped_matmul', [x, dy, expert], NONE), expert),
      null,
    ],
  ),
  segment_sum: rule('dvalues[n] = dy[ids[n]], 0 where that is -1', (make, { inputs: [values, ids] }, dy) => {
    const isNone = make('less', [ids, make.like(ids, 0)], NONE)
    const place = make('select', [isNone, make.like(ids, 0), ids], NONE)
    const read = make('take', [dy, place], NONE)
    return [make('select', [make.broadcast(isNone, values.shape, [0]), make.like(values, 0), read], NONE), null]
  }),
  position_in_expert: none('positions are integers'),
  expert_histogram: schedule,
  sort_by_expert: schedule,
}
