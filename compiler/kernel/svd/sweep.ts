/**
 * Sweeps of one-sided Jacobi rotations (Hestenes, 1958). A round of a sweep pairs every vector with another one, in the order of
 * a round-robin tournament (Brent and Luk, 1985), so that all pairs of a round rotate at once. A sweep rotates each pair once.
 */
import { add, binary, divide, element, f32, less, multiply, remainder, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { minus, type Places } from './places.ts'
import { reduceAll } from './reduce-all.ts'
import {
  THREAD,
  define,
  mutable,
  assign,
  setElement,
  when,
  loopOver,
  sharedLoop,
  doWhile,
  BARRIER,
  BUFFER_BARRIER,
  uniformLoad,
} from '../../scalar/statements.ts'

/** A pair whose cosine is below this is not rotated: f32 cannot distinguish it from a right angle. */
const ORTHOGONAL = 2 ** -22
/** The last sweep is one in which no cosine exceeds this. */
const CONVERGED = 2 ** -20
/** Vectors that are shorter than the longest by this factor are rounding errors, without a meaningful direction. */
export const VANISHING = 2 ** -22
const MOST_SWEEPS = 40
/** The number of terms of a block: a block is summed by itself, then added to the sum. */
const BLOCK = 16

const f = (name: string): Expression => variable('f32', name)
const u = (name: string): Expression => variable('u32', name)
const square = (x: Expression): Expression => multiply(x, x)

/** Adds the terms i = from, from + step, ... below `below` in blocks, to vars that are defined before. */
export function addUp(
  names: readonly string[],
  from: Expression,
  below: Expression,
  step: number,
  terms: (i: Expression) => { readonly before: readonly Statement[]; readonly values: readonly Expression[] },
): Statement {
  const width = u32(BLOCK * step)
  return loopOver('start', from, below, width, (start) => [
    ...names.map((name) => mutable(`${name}_block`, f32(0))),
    loopOver('i', start, binary('minimum', add(start, width), below), u32(step), (i) => {
      const { before, values } = terms(i)
      return [...before, ...values.map((value, n) => assign(`${names[n]}_block`, add(f(`${names[n]}_block`), value)))]
    }),
    ...names.map((name) => assign(name, add(f(name), f(`${name}_block`)))),
  ])
}

/** Defines a var of this name: the squared norm of a longer vector, which one thread computes. */
export const squaredNorm = (name: string, { get, long, length }: Places, j: Expression): readonly Statement[] => [
  mutable(name, f32(0)),
  addUp([name], u32(0), length, 1, (i) => ({ before: [define('x', get(long(j, i)))], values: [square(f('x'))] })),
]

/** Defines `floor`: a vector of a smaller norm counts as 0. */
const measure = (places: Places): readonly Statement[] => [
  mutable('longest', f32(0)),
  sharedLoop('j', places.count, places.threads.all, (j) => [
    ...squaredNorm('norm', places, j),
    assign('longest', binary('maximum', f('longest'), f('norm'))),
  ]),
  ...reduceAll('longest', 'f32', 'max'),
  define('floor_norm', multiply(unary('sqrt', f('longest')), f32(VANISHING))),
]

/** The pairs of a round: the last vector keeps its place, the others rotate. Defines `p` < `q`, and whether the pair exists. */
function meeting({ pairs, count, threads, long, short }: Places, round: Expression, at: Expression): readonly Statement[] {
  const last = minus(multiply(pairs, u32(2)), u32(1))
  const slot = u('slot')
  const isFirst = binary('equal', slot, u32(0))
  return [
    define('slot', add(at, divide(THREAD, u32(threads.pair)))),
    define('one', select(isFirst, last, remainder(add(round, slot), last))),
    define('other', select(isFirst, round, remainder(minus(add(round, last), slot), last))),
    define('p', binary('minimum', u('one'), u('other'))),
    define('q', binary('maximum', u('one'), u('other'))),
    define('is_pair', binary('and', less(slot, pairs), less(u('q'), count))),
    ...(['p', 'q'] as const).flatMap((name) => [
      define(`${name}_long`, long(u(name), u32(0))),
      define(`${name}_short`, short(u(name), u32(0))),
    ]),
  ]
}

const SUMS = ['aa', 'bb', 'ab'] as const

/** The dot products of a pair; each of its threads has the full sums. */
function products({ threads, length, get }: Places, member: Expression): readonly Statement[] {
  const own = addUp(SUMS, member, length, threads.pair, (i) => ({
    before: [define('a', get(add(u('p_long'), i))), define('b', get(add(u('q_long'), i)))],
    values: [square(f('a')), square(f('b')), multiply(f('a'), f('b'))],
  }))
  const mine = [...SUMS.map((name) => mutable(name, f32(0))), when(variable('bool', 'is_pair'), [own])]
  if (threads.pair === 1) return mine
  const part = (which: number, of: Expression): Expression => add(u32(which * threads.all), of)
  const first = minus(THREAD, member)
  return [
    ...mine,
    ...SUMS.map((name, which): Statement => setElement('part', part(which, THREAD), f(name))),
    BARRIER,
    ...SUMS.map((name) => assign(name, f32(0))),
    loopOver('l', u32(0), u32(threads.pair), u32(1), (l) =>
      SUMS.map((name, which) => assign(name, add(f(name), element('f32', 'part', part(which, add(first, l)))))),
    ),
  ]
}

/**
 * a' = a - s (b + tau a), b' = b + s (a - tau b), where tau is the tangent of half the angle (Rutishauser, 1966): orthogonal
 * however s is rounded.
 */
function turn({ threads, get, put }: Places, member: Expression, length: Expression, side: 'long' | 'short'): Statement {
  const [p, q] = [u(`p_${side}`), u(`q_${side}`)]
  const [a, b, s, tau] = [f('a'), f('b'), f('sine'), f('half')]
  return loopOver('i', member, length, u32(threads.pair), (i) => [
    define('a', get(add(p, i))),
    define('b', get(add(q, i))),
    put(add(p, i), minus(a, multiply(s, add(b, multiply(tau, a))))),
    put(add(q, i), add(b, multiply(s, minus(a, multiply(tau, b))))),
  ])
}

function rotate(places: Places, member: Expression): Statement {
  const [zeta, tangent, half] = [f('zeta'), f('tangent'), f('half')]
  const size = unary('abs', f('ab'))
  const norms = multiply(f('a_norm'), f('b_norm'))
  const root = (x: Expression): Expression => unary('sqrt', add(f32(1), square(x)))
  const steep = divide(f32(1), add(unary('abs', zeta), root(zeta)))
  const shorter = binary('minimum', f('a_norm'), f('b_norm'))
  return when(variable('bool', 'is_pair'), [
    define('a_norm', unary('sqrt', f('aa'))),
    define('b_norm', unary('sqrt', f('bb'))),
    when(binary('and', less(multiply(f32(ORTHOGONAL), norms), size), less(f('floor_norm'), shorter)), [
      when(less(multiply(f32(CONVERGED), norms), size), [assign('again', u32(1))]),
      define('zeta', divide(minus(f('bb'), f('aa')), multiply(f32(2), f('ab')))),
      define('tangent', select(less(zeta, f32(0)), unary('negate', steep), steep)),
      define('half', divide(tangent, add(f32(1), root(tangent)))),
      define('sine', divide(multiply(f32(2), half), add(f32(1), square(half)))),
      turn(places, member, places.length, 'long'),
      turn(places, member, places.count, 'short'),
    ]),
  ])
}

/** Rotates pairs until all are orthogonal. */
export function sweeps(places: Places): readonly Statement[] {
  const { threads, pairs } = places
  const member = remainder(THREAD, u32(threads.pair))
  const rounds = minus(multiply(pairs, u32(2)), u32(1))
  const again = u('again')
  return [
    mutable('again', u32(0)),
    mutable('sweep', u32(0)),
    doWhile(
      [
        assign('again', u32(0)),
        assign('sweep', add(u('sweep'), u32(1))),
        ...measure(places),
        loopOver('round', u32(0), rounds, u32(1), (round) => [
          loopOver('at', u32(0), pairs, u32(threads.all / threads.pair), (at) => [
            ...meeting(places, round, at),
            ...products(places, member),
            rotate(places, member),
            BUFFER_BARRIER,
          ]),
        ]),
        ...reduceAll('again', 'u32', 'max'),
        when(binary('equal', THREAD, u32(0)), [
          setElement('flag', u32(0), select(less(u('sweep'), u32(MOST_SWEEPS)), again, u32(0))),
        ]),
        uniformLoad('goes_on', 'flag', u32(0)),
      ],
      less(u32(0), u('goes_on')),
    ),
  ]
}
