/** After the turns: the norms are the singular values. Sorts, makes unit vectors, and sets the signs. */
import { add, binary, divide, f32, less, multiply, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { lane, type Places } from './places.ts'
import { NOWHERE } from './prepare.ts'
import { squaredNorm, VANISHING } from './sweep.ts'
import { assign, changing, dealt, each, named, SETTLE, when } from './words.ts'

const f = (name: string): Expression => variable('f32', name)
const u = (name: string): Expression => variable('u32', name)

const norms = (places: Places): readonly Statement[] => [
  dealt('j', places.count, places.lanes.all, (j) => [
    ...squaredNorm('norm', places, j),
    places.put(places.value(j), unary('sqrt', f('norm'))),
  ]),
  SETTLE,
]

/** What lies at a and at b changes places. */
const swap = ({ get, put }: Places, a: Expression, b: Expression): readonly Statement[] => [
  named('a', get(a)),
  named('b', get(b)),
  put(a, f('b')),
  put(b, f('a')),
]

/** By selection: all lanes find the largest of the rest, and move it together. Of equals the first. */
function sort(places: Places): Statement {
  const { lanes, count, length, value, long, short, get } = places
  const best = u('best')
  return each('j', u32(0), count, u32(1), (j) => [
    changing('best', j),
    changing('top', get(value(j))),
    each('c', add(j, u32(1)), count, u32(1), (c) => [
      named('norm', get(value(c))),
      when(less(f('top'), f('norm')), [assign('top', f('norm')), assign('best', c)]),
    ]),
    SETTLE,
    when(less(j, best), [
      dealt('i', length, lanes.all, (i) => swap(places, long(j, i), long(best, i))),
      dealt('i', count, lanes.all, (i) => swap(places, short(j, i), short(best, i))),
      when(binary('equal', lane, u32(0)), swap(places, value(j), value(best))),
    ]),
    SETTLE,
  ])
}

/** `next`: how many vectors have a direction of their own; those become unit vectors. */
function normalise({ lanes, count, length, value, long, get, put }: Places): readonly Statement[] {
  return [
    changing('next', u32(0)),
    each('j', u32(0), count, u32(1), (j) => [
      when(less(multiply(get(value(u32(0))), f32(VANISHING)), get(value(j))), [assign('next', add(u('next'), u32(1)))]),
    ]),
    each('j', u32(0), u('next'), u32(1), (j) => [
      named('norm', get(value(j))),
      dealt('i', length, lanes.all, (i) => [put(long(j, i), divide(get(long(j, i)), f('norm')))]),
    ]),
    SETTLE,
  ]
}

export const arrange = (places: Places): readonly Statement[] => [...norms(places), sort(places), ...normalise(places)]

/** Flips both vectors of a value where the largest component of the right one is negative, and gives the value its scale back. */
export function finish(places: Places): readonly Statement[] {
  const { lanes, rows, columns, count, length, tall, value, long, short, get, put } = places
  const flip = (of: Expression, at: (j: Expression, i: Expression) => Expression, j: Expression): Statement =>
    each('i', u32(0), of, u32(1), (i) => [put(at(j, i), unary('negate', get(at(j, i))))])
  return [
    dealt('j', count, lanes.all, (j) => [
      changing('top', f32(0)),
      changing('sign', f32(1)),
      each('i', u32(0), columns, u32(1), (i) => [
        named('x', get(select(tall, short(j, i), long(j, i)))),
        when(less(f('top'), unary('abs', f('x'))), [assign('top', unary('abs', f('x'))), assign('sign', f('x'))]),
      ]),
      when(less(f('sign'), f32(0)), [flip(length, long, j), flip(count, short, j)]),
      put(value(j), multiply(get(value(j)), f('unscale'))),
    ]),
    SETTLE,
    ...spoil(places, multiply(count, add(u32(1), add(rows, columns)))),
  ]
}

/** A value that is not finite in the place of everything: whoever checks the result finds it. */
const spoil = ({ lanes, value, given, put }: Places, size: Expression): readonly Statement[] => [
  when(less(u('bad'), u32(NOWHERE)), [dealt('i', size, lanes.all, (i) => [put(value(i), given(u('bad')))])]),
]
