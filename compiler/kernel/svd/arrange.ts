/** After the rotations: the norms are the singular values. Sorts them, normalizes the vectors, and sets their signs. */
import { add, binary, divide, f32, less, multiply, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { type Places } from './places.ts'
import { NOWHERE } from './prepare.ts'
import { squaredNorm, VANISHING } from './sweep.ts'
import { THREAD, define, mutable, assign, when, loopOver, sharedLoop, BUFFER_BARRIER } from '../../scalar/statements.ts'

const f = (name: string): Expression => variable('f32', name)
const u = (name: string): Expression => variable('u32', name)

const norms = (places: Places): readonly Statement[] => [
  sharedLoop('j', places.count, places.threads.all, (j) => [
    ...squaredNorm('norm', places, j),
    places.put(places.value(j), unary('sqrt', f('norm'))),
  ]),
  BUFFER_BARRIER,
]

/** Swaps the elements at a and at b. */
const swap = ({ get, put }: Places, a: Expression, b: Expression): readonly Statement[] => [
  define('a', get(a)),
  define('b', get(b)),
  put(a, f('b')),
  put(b, f('a')),
]

/** A selection sort: all threads find the largest remaining value, the first of equals, and move its vectors together. */
function sort(places: Places): Statement {
  const { threads, count, length, value, long, short, get } = places
  const best = u('best')
  return loopOver('j', u32(0), count, u32(1), (j) => [
    mutable('best', j),
    mutable('top', get(value(j))),
    loopOver('c', add(j, u32(1)), count, u32(1), (c) => [
      define('norm', get(value(c))),
      when(less(f('top'), f('norm')), [assign('top', f('norm')), assign('best', c)]),
    ]),
    BUFFER_BARRIER,
    when(less(j, best), [
      sharedLoop('i', length, threads.all, (i) => swap(places, long(j, i), long(best, i))),
      sharedLoop('i', count, threads.all, (i) => swap(places, short(j, i), short(best, i))),
      when(binary('equal', THREAD, u32(0)), swap(places, value(j), value(best))),
    ]),
    BUFFER_BARRIER,
  ])
}

/** Defines `next`, the number of vectors that do not vanish, and normalizes them. */
function normalise({ threads, count, length, value, long, get, put }: Places): readonly Statement[] {
  return [
    mutable('next', u32(0)),
    loopOver('j', u32(0), count, u32(1), (j) => [
      when(less(multiply(get(value(u32(0))), f32(VANISHING)), get(value(j))), [assign('next', add(u('next'), u32(1)))]),
    ]),
    loopOver('j', u32(0), u('next'), u32(1), (j) => [
      define('norm', get(value(j))),
      sharedLoop('i', length, threads.all, (i) => [put(long(j, i), divide(get(long(j, i)), f('norm')))]),
    ]),
    BUFFER_BARRIER,
  ]
}

export const arrange = (places: Places): readonly Statement[] => [...norms(places), sort(places), ...normalise(places)]

/**
 * Negates both vectors of a value where the largest component of the right one is negative, and undoes the scale of the value.
 */
export function finish(places: Places): readonly Statement[] {
  const { threads, rows, columns, count, length, tall, value, long, short, get, put } = places
  const flip = (of: Expression, at: (j: Expression, i: Expression) => Expression, j: Expression): Statement =>
    loopOver('i', u32(0), of, u32(1), (i) => [put(at(j, i), unary('negate', get(at(j, i))))])
  return [
    sharedLoop('j', count, threads.all, (j) => [
      mutable('top', f32(0)),
      mutable('sign', f32(1)),
      loopOver('i', u32(0), columns, u32(1), (i) => [
        define('x', get(select(tall, short(j, i), long(j, i)))),
        when(less(f('top'), unary('abs', f('x'))), [assign('top', unary('abs', f('x'))), assign('sign', f('x'))]),
      ]),
      when(less(f('sign'), f32(0)), [flip(length, long, j), flip(count, short, j)]),
      put(value(j), multiply(get(value(j)), f('unscale'))),
    ]),
    BUFFER_BARRIER,
    ...spoil(places, multiply(count, add(u32(1), add(rows, columns)))),
  ]
}

/** Fills the whole result with a value that is not finite, which checks of the result find. */
const spoil = ({ threads, value, given, put }: Places, size: Expression): readonly Statement[] => [
  when(less(u('bad'), u32(NOWHERE)), [sharedLoop('i', size, threads.all, (i) => [put(value(i), given(u('bad')))])]),
]
