/**
 * Sweeps of one-sided Jacobi rotations (Hestenes, 1958). In each round of a sweep every vector meets another, as players of a tournament
 * do (Brent and Luk, 1985), so that all pairs of a round are turned at once; after a sweep each pair has met once.
 */
import { add, binary, divide, element, f32, less, multiply, remainder, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { lane, minus, type Places } from './places.ts'
import { assign, changing, combine, dealt, each, MEET, named, SETTLE, when } from './words.ts'

/** A pair whose cosine is below this stays as it is: what f32 can tell from a right angle. */
const ORTHOGONAL = 2 ** -22
/** A sweep in which no cosine exceeds this is the last. */
const CONVERGED = 2 ** -20
/** Vectors this much shorter than the longest are rounding, and have no direction of their own. */
export const VANISHING = 2 ** -22
const MOST_SWEEPS = 40
/** Terms of a sum that are added up before they join it. */
const BLOCK = 16

const f = (name: string): Expression => variable('f32', name)
const u = (name: string): Expression => variable('u32', name)
const square = (x: Expression): Expression => multiply(x, x)

/** Adds up terms i = from, from + step, ... below `below` in blocks, into vars that stand before it. */
export function addUp(
  names: readonly string[],
  from: Expression,
  below: Expression,
  step: number,
  terms: (i: Expression) => { readonly before: readonly Statement[]; readonly values: readonly Expression[] },
): Statement {
  const width = u32(BLOCK * step)
  return each('start', from, below, width, (start) => [
    ...names.map((name) => changing(`${name}_block`, f32(0))),
    each('i', start, binary('minimum', add(start, width), below), u32(step), (i) => {
      const { before, values } = terms(i)
      return [...before, ...values.map((value, n) => assign(`${names[n]}_block`, add(f(`${names[n]}_block`), value)))]
    }),
    ...names.map((name) => assign(name, add(f(name), f(`${name}_block`)))),
  ])
}

/** The squared norm of a longer vector, by one lane, in a var of this name. */
export const squaredNorm = (name: string, { get, long, length }: Places, j: Expression): readonly Statement[] => [
  changing(name, f32(0)),
  addUp([name], u32(0), length, 1, (i) => ({ before: [named('x', get(long(j, i)))], values: [square(f('x'))] })),
]

/** `floor`: below this norm a vector vanishes. */
const measure = (places: Places): readonly Statement[] => [
  changing('longest', f32(0)),
  dealt('j', places.count, places.lanes.all, (j) => [
    ...squaredNorm('norm', places, j),
    assign('longest', binary('maximum', f('longest'), f('norm'))),
  ]),
  ...combine('longest', 'f32', 'max'),
  named('floor_norm', multiply(unary('sqrt', f('longest')), f32(VANISHING))),
]

/** Who meets whom: the last player stays, the others go round. Names `p` < `q`, and whether there is such a pair. */
function meeting({ pairs, count, lanes, long, short }: Places, round: Expression, at: Expression): readonly Statement[] {
  const last = minus(multiply(pairs, u32(2)), u32(1))
  const slot = u('slot')
  const isFirst = binary('equal', slot, u32(0))
  return [
    named('slot', add(at, divide(lane, u32(lanes.pair)))),
    named('one', select(isFirst, last, remainder(add(round, slot), last))),
    named('other', select(isFirst, round, remainder(minus(add(round, last), slot), last))),
    named('p', binary('minimum', u('one'), u('other'))),
    named('q', binary('maximum', u('one'), u('other'))),
    named('is_pair', binary('and', less(slot, pairs), less(u('q'), count))),
    ...(['p', 'q'] as const).flatMap((name) => [
      named(`${name}_long`, long(u(name), u32(0))),
      named(`${name}_short`, short(u(name), u32(0))),
    ]),
  ]
}

const SUMS = ['aa', 'bb', 'ab'] as const

/** The products of a pair, the whole of them in each of its lanes. */
function products({ lanes, length, get }: Places, member: Expression): readonly Statement[] {
  const own = addUp(SUMS, member, length, lanes.pair, (i) => ({
    before: [named('a', get(add(u('p_long'), i))), named('b', get(add(u('q_long'), i)))],
    values: [square(f('a')), square(f('b')), multiply(f('a'), f('b'))],
  }))
  const mine = [...SUMS.map((name) => changing(name, f32(0))), when(variable('bool', 'is_pair'), [own])]
  if (lanes.pair === 1) return mine
  const part = (which: number, of: Expression): Expression => add(u32(which * lanes.all), of)
  const first = minus(lane, member)
  return [
    ...mine,
    ...SUMS.map((name, which): Statement => ({
      kind: 'assign-element',
      array: 'part',
      index: part(which, lane),
      value: f(name),
    })),
    MEET,
    ...SUMS.map((name) => assign(name, f32(0))),
    each('l', u32(0), u32(lanes.pair), u32(1), (l) =>
      SUMS.map((name, which) => assign(name, add(f(name), element('f32', 'part', part(which, add(first, l)))))),
    ),
  ]
}

/** a' = a - s (b + tau a), b' = b + s (a - tau b), where tau is the tangent of half the angle (Rutishauser, 1966): orthogonal however s is rounded. */
function turn({ lanes, get, put }: Places, member: Expression, length: Expression, side: 'long' | 'short'): Statement {
  const [p, q] = [u(`p_${side}`), u(`q_${side}`)]
  const [a, b, s, tau] = [f('a'), f('b'), f('sine'), f('half')]
  return each('i', member, length, u32(lanes.pair), (i) => [
    named('a', get(add(p, i))),
    named('b', get(add(q, i))),
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
    named('a_norm', unary('sqrt', f('aa'))),
    named('b_norm', unary('sqrt', f('bb'))),
    when(binary('and', less(multiply(f32(ORTHOGONAL), norms), size), less(f('floor_norm'), shorter)), [
      when(less(multiply(f32(CONVERGED), norms), size), [assign('again', u32(1))]),
      named('zeta', divide(minus(f('bb'), f('aa')), multiply(f32(2), f('ab')))),
      named('tangent', select(less(zeta, f32(0)), unary('negate', steep), steep)),
      named('half', divide(tangent, add(f32(1), root(tangent)))),
      named('sine', divide(multiply(f32(2), half), add(f32(1), square(half)))),
      turn(places, member, places.length, 'long'),
      turn(places, member, places.count, 'short'),
    ]),
  ])
}

/** Turns pairs until all are orthogonal. */
export function sweeps(places: Places): readonly Statement[] {
  const { lanes, pairs } = places
  const member = remainder(lane, u32(lanes.pair))
  const rounds = minus(multiply(pairs, u32(2)), u32(1))
  const again = u('again')
  return [
    changing('again', u32(0)),
    changing('sweep', u32(0)),
    {
      kind: 'loop',
      body: [
        assign('again', u32(0)),
        assign('sweep', add(u('sweep'), u32(1))),
        ...measure(places),
        each('round', u32(0), rounds, u32(1), (round) => [
          each('at', u32(0), pairs, u32(lanes.all / lanes.pair), (at) => [
            ...meeting(places, round, at),
            ...products(places, member),
            rotate(places, member),
            SETTLE,
          ]),
        ]),
        ...combine('again', 'u32', 'max'),
        when(binary('equal', lane, u32(0)), [
          {
            kind: 'assign-element',
            array: 'flag',
            index: u32(0),
            value: select(less(u('sweep'), u32(MOST_SWEEPS)), again, u32(0)),
          },
        ]),
        { kind: 'uniform-load', name: 'goes_on', array: 'flag', index: u32(0) },
      ],
      while: less(u32(0), u('goes_on')),
    },
  ]
}
