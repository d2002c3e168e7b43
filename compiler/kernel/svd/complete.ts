/**
 * Vectors for the singular values that vanish. Each starts as the axis that the earlier vectors cover least, and is made
 * orthogonal to them twice (Daniel, Gragg, Kaufman and Stewart, 1976).
 */
import { add, binary, divide, element, f32, less, multiply, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { minus, type Places } from './places.ts'
import { NOWHERE } from './prepare.ts'
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
  BUFFER_BARRIER,
  uniformLoad,
} from '../../scalar/statements.ts'

const f = (name: string): Expression => variable('f32', name)
const u = (name: string): Expression => variable('u32', name)
const next = u('next')
const UNCOVERED = 4

/** Defines `axis`, the first of the axes that the first `next` vectors cover least. */
function chooseAxis({ threads, length, long, get }: Places): readonly Statement[] {
  return [
    mutable('least', f32(UNCOVERED)),
    mutable('axis', u32(0)),
    sharedLoop('i', length, threads.all, (i) => [
      mutable('covered', f32(0)),
      loopOver('k', u32(0), next, u32(1), (k) => [
        define('x', get(long(k, i))),
        assign('covered', add(f('covered'), multiply(f('x'), f('x')))),
      ]),
      when(less(f('covered'), f('least')), [assign('least', f('covered')), assign('axis', i)]),
    ]),
    define('own_least', f('least')),
    ...reduceAll('least', 'f32', 'min'),
    when(less(f('least'), f('own_least')), [assign('axis', u32(NOWHERE))]),
    ...reduceAll('axis', 'u32', 'min'),
  ]
}

/** Subtracts from the axis its projections on the earlier vectors, whose components along it are known. */
const project = ({ threads, length, long, get, put }: Places): Statement =>
  sharedLoop('i', length, threads.all, (i) => [
    mutable('rest', select(binary('equal', i, u('axis')), f32(1), f32(0))),
    loopOver('k', u32(0), next, u32(1), (k) => [
      assign('rest', minus(f('rest'), multiply(get(long(k, u('axis'))), get(long(k, i))))),
    ]),
    put(long(next, i), f('rest')),
  ])

/**
 * The second pass, over blocks of as many vectors as there are threads: each thread computes one projection, then subtracts all
 * of them from its own elements.
 */
function correct({ threads, count, length, long, get, put }: Places): Statement {
  const shadow = element('f32', 'part', u('l'))
  return loopOver('chunk', u32(0), count, u32(threads.all), (chunk) => [
    define('mine', add(chunk, THREAD)),
    mutable('along', f32(0)),
    when(less(u('mine'), next), [
      loopOver('i', u32(0), length, u32(1), (i) => [
        assign('along', add(f('along'), multiply(get(long(u('mine'), i)), get(long(next, i))))),
      ]),
    ]),
    setElement('part', THREAD, f('along')),
    BUFFER_BARRIER,
    when(less(chunk, next), [
      sharedLoop('i', length, threads.all, (i) => [
        mutable('rest', get(long(next, i))),
        loopOver('l', u32(0), binary('minimum', u32(threads.all), minus(next, chunk)), u32(1), (l) => [
          assign('rest', minus(f('rest'), multiply(shadow, get(long(add(chunk, l), i))))),
        ]),
        put(long(next, i), f('rest')),
      ]),
    ]),
    BUFFER_BARRIER,
  ])
}

const normalise = ({ threads, length, long, get, put }: Places): readonly Statement[] => [
  mutable('norm', f32(0)),
  sharedLoop('i', length, threads.all, (i) => [
    define('x', get(long(next, i))),
    assign('norm', add(f('norm'), multiply(f('x'), f('x')))),
  ]),
  ...reduceAll('norm', 'f32', 'sum'),
  sharedLoop('i', length, threads.all, (i) => [put(long(next, i), divide(get(long(next, i)), unary('sqrt', f('norm'))))]),
  BUFFER_BARRIER,
]

/** Overwrites the vectors from `next` on. Does nothing for a matrix that is not finite. */
export function complete(places: Places): readonly Statement[] {
  const missing = select(less(u('bad'), u32(NOWHERE)), u32(0), minus(places.count, next))
  return [
    when(binary('equal', THREAD, u32(0)), [setElement('flag', u32(0), missing)]),
    uniformLoad('missing', 'flag', u32(0)),
    loopOver('n', u32(0), u('missing'), u32(1), () => [
      ...chooseAxis(places),
      project(places),
      BUFFER_BARRIER,
      correct(places),
      ...normalise(places),
      assign('next', add(next, u32(1))),
    ]),
  ]
}
