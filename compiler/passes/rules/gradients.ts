/** Where gradients have a form of their own. */
import { constantValue } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isBatchedByExpert } from '../../graph/expert-rows.ts'
import { rule, type Rule } from '../rewrite.ts'
import { isOp } from './match.ts'

export const gradients: readonly Rule[] = [
  rule(
    'segment-sum-of-single-rows',
    'segment_sum',
    'segment_sum(x, 0 1 .. N-1)  ==>  x',
    ({ inputs: [values, ids], params: { size } }) => (isOp(ids, 'iota') && ids.shape[0] === size ? values : null),
  ),
  // each token's slots lie side by side: they are read, not sought
  rule(
    'segment-sum-of-equal-segments',
    'segment_sum',
    'segment_sum(x, 0 0 .. 1 1 .. T-1)  ==>  sum(x as [T, K, ...], axis 1)',
    ({ inputs: [values, ids], params: { size } }, make) => {
      if (!isBatchedByExpert(ids) || ids.inputs[0].shape[0] !== size) return null
      return make('sum', [make.reshape(values, [...ids.inputs[0].shape, ...values.shape.slice(1)])], { axis: 1 })
    },
  ),
  // every expert has as many rows, and they lie together: batches of one product
  rule(
    'weight-gradient-of-equal-groups',
    'grouped_weight_gradient',
    'grouped_weight_gradient(x, rows, 0 0 .. 1 1 .. E-1)  ==>  contract(rows as [E, F, N], x as [E, D, N])',
    ({ inputs: [x, rows, expert], params: { experts } }, make) => {
      if (!isBatchedByExpert(expert) || constantValue(expert.inputs[0].shape[0]) !== experts) return null
      const lines = (node: Node): Node =>
        make.transpose(make.reshape(node, [...expert.inputs[0].shape, node.shape[1]]), [0, 2, 1])
      return make('contract', [lines(rows), lines(x)], { batch: [[0, 0]], over: [[2, 2]] })
    },
  ),
]
