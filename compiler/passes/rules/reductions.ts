/** Reductions that have nothing to reduce. */
import { ONE } from '../../../plan/dim.ts'
import { rule, type Rule } from '../rewrite.ts'

export const reductions: readonly Rule[] = [
  rule(
    'reduce-unit-axis',
    ['sum', 'max', 'min'],
    'sum, max, min along an axis of size 1  ==>  reshape',
    ({ inputs: [x], params, shape }, make) => (x.shape[params.axis] === ONE ? make.reshape(x, shape) : null),
  ),
]
