/** Laws of truth values, choices and casts. */
import { rule, type Rule } from '../rewrite.ts'
import { filled, isOp, NONE, uniform } from './match.ts'

export const logic: readonly Rule[] = [
  rule('not', 'not not x  ==>  x', ({ inputs: [x] }) => (isOp(x, 'not') ? x.inputs[0] : null)),
  rule(['and', 'or'], 'x and x, x or x  ==>  x', ({ inputs: [a, b] }) => (a === b ? a : null)),
  rule('and', 'x and true  ==>  x;  x and false  ==>  false', ({ inputs, shape }, make) => absorb(inputs, 1) ?? (inputs.some((x) => uniform(x) === 0) ? filled(make, 0, 'bool', shape) : null)),
  rule('or', 'x or false  ==>  x;  x or true  ==>  true', ({ inputs, shape }, make) => absorb(inputs, 0) ?? (inputs.some((x) => uniform(x) === 1) ? filled(make, 1, 'bool', shape) : null)),
  rule('select', 'select(true, a, b)  ==>  a;  select(false, a, b)  ==>  b', ({ inputs: [condition, then, otherwise] }) => {
    const known = uniform(condition)
    return known === undefined ? null : known === 0 ? otherwise : then
  }),
  rule('select', 'select(c, a, a)  ==>  a', ({ inputs: [, then, otherwise] }) => (then === otherwise ? then : null)),
  rule('select', 'select(not c, a, b)  ==>  select(c, b, a)', ({ inputs: [condition, then, otherwise] }, make) =>
    isOp(condition, 'not') ? make('select', [condition.inputs[0], otherwise, then], NONE) : null),
  rule('cast', 'cast(x, type of x)  ==>  x', ({ inputs: [x], params }) => (x.dtype === params.dtype ? x : null)),
  // a truth value is 0 or 1 in every dtype
  rule('cast', 'cast(cast(c, a), b)  ==>  cast(c, b), of a truth value c', ({ inputs: [x], params }, make) =>
    isOp(x, 'cast') && x.inputs[0].dtype === 'bool' ? make('cast', [x.inputs[0]], params) : null),
]

/** The other operand where one is the neutral element everywhere. */
function absorb([a, b]: Parameters<Rule['rewrite']>[0]['inputs'], neutral: number): typeof a | null {
  return uniform(b) === neutral ? a : uniform(a) === neutral ? b : null
}
