/** Where gradients have a form of their own. */
import { areBatches } from '../../graph/routes.ts'
import { rule, type Rule } from '../rewrite.ts'
import { isOp, reshape } from './match.ts'

export const gradients: readonly Rule[] = [
  rule('sum_rows', 'sum_rows(x, 0 1 .. N-1)  ==>  x', ({ inputs: [values, ids], params: { size } }) =>
    isOp(ids, 'iota') && ids.shape[0] === size ? values : null),
  // each token's slots lie side by side: they are read, not sought
  rule('sum_rows', 'sum_rows(x, 0 0 .. 1 1 .. T-1)  ==>  sum(x as [T, K, ...], axis 1)', ({ inputs: [values, ids], params: { size } }, make) => {
    if (!areBatches(ids) || ids.inputs[0].shape[0] !== size) return null
    return make('sum', [reshape(make, values, [...ids.inputs[0].shape, ...values.shape.slice(1)])], { axis: 1 })
  }),
]
