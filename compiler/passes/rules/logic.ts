/** Laws of truth values, choices and casts. */
import type { Node } from '../../graph/node.ts'
import { rule, type Rule } from '../rewrite.ts'
import { isOp, NONE, uniform, type Maker } from './match.ts'

export const logic: readonly Rule[] = [
  rule('double-not', 'not', 'not not x  ==>  x', ({ inputs: [x] }) => (isOp(x, 'not') ? x.inputs[0] : null)),
  rule('and-or-of-equal', ['and', 'or'], 'x and x, x or x  ==>  x', ({ inputs: [a, b] }) => (a === b ? a : null)),
  rule(
    'and-with-constant',
    'and',
    'x and true  ==>  x;  x and false  ==>  false',
    (node, make) => other(node, 1) ?? absorb(node, 0, make),
  ),
  rule(
    'or-with-constant',
    'or',
    'x or false  ==>  x;  x or true  ==>  true',
    (node, make) => other(node, 0) ?? absorb(node, 1, make),
  ),
  rule(
    'select-by-constant',
    'select',
    'select(true, a, b)  ==>  a;  select(false, a, b)  ==>  b',
    ({ inputs: [condition, then, otherwise] }) => {
      const known = uniform(condition)
      return known === undefined ? null : known === 0 ? otherwise : then
    },
  ),
  rule('select-of-equal', 'select', 'select(c, a, a)  ==>  a', ({ inputs: [, then, otherwise] }) =>
    then === otherwise ? then : null,
  ),
  rule(
    'select-by-not',
    'select',
    'select(not c, a, b)  ==>  select(c, b, a)',
    ({ inputs: [condition, then, otherwise] }, make) =>
      isOp(condition, 'not') ? make('select', [condition.inputs[0], otherwise, then], NONE) : null,
  ),
  rule('cast-to-own-type', 'cast', 'cast(x, type of x)  ==>  x', ({ inputs: [x], params }) =>
    x.dtype === params.dtype ? x : null,
  ),
  // a truth value is 0 or 1 in every dtype
  rule(
    'cast-of-cast-of-bool',
    'cast',
    'cast(cast(c, a), b)  ==>  cast(c, b), of a truth value c',
    ({ inputs: [x], params }, make) =>
      isOp(x, 'cast') && x.inputs[0].dtype === 'bool' ? make('cast', [x.inputs[0]], params) : null,
  ),
]

/** The other operand where one is the neutral element everywhere. */
function other({ inputs: [a, b] }: Node, neutral: number): Node | null {
  return uniform(b) === neutral ? a : uniform(a) === neutral ? b : null
}

/** The value that wins wherever it stands. */
const absorb = ({ inputs, shape }: Node, winner: number, make: Maker): Node | null =>
  inputs.some((x) => uniform(x) === winner) ? make.filled(shape, 'bool', winner) : null
