/** Reductions that have nothing to reduce. */
import { ONE } from '../../../plan/dim.ts'
import { rule, type Rule } from '../rewrite.ts'
import { reshape } from './match.ts'

export const reductions: readonly Rule[] = [
  rule(['sum', 'max', 'min'], 'sum, max, min along an axis of size 1  ==>  reshape', ({ inputs: [x], params, shape }, make) =>
    x.shape[params.axis] === ONE ? reshape(make, x, shape) : null,
  ),
]
