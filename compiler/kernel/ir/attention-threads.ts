/**
 * What a kernel of attention means: a thread for each row, which goes through the rows that it is paired with one by one and
 * keeps a running maximum and sum (online softmax: Milakov and Gimelshein, 2018, arXiv:1805.02867).
 */
import { product, type Dim } from '../../../plan/dim.ts'
import { UNSEEN } from '../../ops/attention.ts'
import {
  add,
  binary,
  cast,
  divide,
  element,
  f32,
  less,
  literal,
  load,
  multiply,
  reduce,
  remainder,
  select,
  size,
  u32,
  unary,
  variable,
} from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import {
  assign,
  define,
  loopOver,
  loopTo,
  mutable,
  setElement,
  store,
  THREAD,
  when,
  WORKGROUP,
  type Body,
} from '../../scalar/statements.ts'
import { attentionBlocks, attentionWorkgroups, mayBeBlind, type Attention, type AttentionBuffer } from './attention.ts'
import type { Computation } from './kernel.ts'

type Workgroups = Extract<Computation, { readonly kind: 'workgroups' }>

const named = (type: 'u32' | 'f32', name: string): Expression => variable(type, name)
const [b, g, r, s, t] = ['b', 'g', 'r', 's', 't'].map((name) => named('u32', name))
const subtract = (x: Expression, y: Expression): Expression => binary('subtract', x, y)
const minimum = (x: Expression, y: Expression): Expression => binary('minimum', x, y)
const exp = (x: Expression): Expression => unary('exp', x)
const unseen = f32(UNSEEN)

/** The place of a row of queries, and of a row of keys. */
const queryRow = ({ S, G, R }: Attention): Expression =>
  add(multiply(add(multiply(add(multiply(b, size(S)), s), size(G)), g), size(R)), r)
const keyRow = ({ T, G }: Attention): Expression => add(multiply(add(multiply(b, size(T)), t), size(G)), g)

const bufferOf = ({ buffers, role }: Attention, name: AttentionBuffer): string => {
  const buffer = buffers[name]
  if (buffer === undefined) throw new Error(`${role} of attention has no ${name}`)
  return buffer
}

const loadAt = (attention: Attention, name: AttentionBuffer, row: Expression, width: number, at: Expression): Expression =>
  load('f32', bufferOf(attention, name), add(multiply(row, u32(width)), at))

/** Numbers of a row in an array of the thread's own. */
function hold(attention: Attention, array: string, from: AttentionBuffer, row: Expression, width: number): Body {
  return [
    { kind: 'array', name: array, type: 'f32', length: width },
    loopTo(`${array}_at`, u32(width), (at) => [setElement(array, at, loadAt(attention, from, row, width, at))]),
  ]
}

/** Adds a multiple of a row to an array. */
const accumulate = (
  array: string,
  width: number,
  factor: Expression,
  shrink: Expression | null,
  of: (at: Expression) => Expression,
): Statement =>
  loopTo(`${array}_i`, u32(width), (at) => {
    const before = element('f32', array, at)
    const kept = shrink === null ? before : multiply(before, shrink)
    return [setElement(array, at, add(kept, multiply(factor, of(at))))]
  })

/** The sum of products of an array and a row. */
const dot = (array: string, width: number, name: string, of: (at: Expression) => Expression): Expression => {
  const at = named('u32', name)
  return reduce('sum', name, u32(width), multiply(element('f32', array, at), of(at)))
}

/** `index + offset`, at least 0, for a whole offset. */
const shifted = (index: Expression, offset: number): Expression =>
  offset >= 0 ? add(index, u32(offset)) : subtract(index, minimum(index, u32(-offset)))

/** The indices of `count` that lie `less` below an index to `more` above it. */
function range(index: Expression, count: Dim, less: number, more: number): readonly [from: Expression, below: Expression] {
  const from = less === Infinity ? u32(0) : shifted(index, -less)
  // index + more + 1 may be below 0, which is no u32
  const below = more === Infinity ? size(count) : minimum(size(count), shifted(add(index, u32(1)), more))
  return [from, below]
}

/** Whether the query sees the key: within the band where it is `banded`, and by the mask. */
function sees(attention: Attention, banded: boolean): Expression {
  const { buffers, maskAxes, B, S, T, G, R, before, after } = attention
  const signed = (index: Expression, by: number): Expression => add(cast('i32', index), literal('i32', by))
  const atMost = (x: Expression, y: Expression): Expression => binary('less_equal', x, y)
  const tests = [
    ...(banded && before !== Infinity ? [atMost(signed(s, -before), cast('i32', t))] : []),
    ...(banded && after !== Infinity ? [atMost(cast('i32', t), signed(s, after))] : []),
  ]
  if (buffers.mask !== undefined) {
    const sizes = [B, S, G, R, T].map((dim, axis) => size(maskAxes[axis] ? dim : 1))
    const indices = [b, s, g, r, t].map((index, axis) => (maskAxes[axis] ? index : u32(0)))
    const at = indices.reduce((sum, index, axis) => add(multiply(sum, sizes[axis]), index), u32(0))
    tests.push(load('bool', buffers.mask, at))
  }
  return tests.length === 0 ? literal('bool', 1) : tests.reduce((x, y) => binary('and', x, y))
}

/** A score from its sum of products. */
function score({ scale, cap }: Attention, sum: Expression): Expression {
  const scaled = multiply(sum, f32(scale))
  return cap === 0 ? scaled : multiply(f32(cap), unary('tanh', divide(scaled, f32(cap))))
}

/** The derivative of a score by its sum of products. */
function slope({ scale, cap }: Attention, of: Expression): Expression {
  if (cap === 0) return f32(scale)
  const bent = divide(of, f32(cap))
  return multiply(f32(scale), subtract(f32(1), multiply(bent, bent)))
}

/** Stores an array, scaled, in a row of a buffer. */
const storeRow = (buffer: string, row: Expression, array: string, width: number, factor: Expression | null = null): Statement =>
  loopTo(`${array}_out`, u32(width), (at) => {
    const value = element('f32', array, at)
    return [store(buffer, add(multiply(row, u32(width)), at), factor === null ? value : multiply(value, factor))]
  })

function forward(attention: Attention): Body {
  const { buffers, C, W, T, R, before, after } = attention
  const [row, sum, most, top, at] = [
    named('u32', 'row'),
    named('f32', 'sum'),
    named('f32', 'most'),
    named('f32', 'top'),
    named('f32', 'logit'),
  ]
  const hasResult = buffers.result !== undefined
  const value = (w: Expression): Expression => loadAt(attention, 'value', keyRow(attention), W, w)
  const place = buffers.past === undefined ? s : add(s, cast('u32', load('i32', buffers.past, b)))
  const [from, below] = range(place, T, before, after)
  const product = dot('queries', C, 'c', (c) => loadAt(attention, 'key', named('u32', 'key_row'), C, c))
  const seen = sees(attention, false)
  const raw = score(attention, product)
  const sink = buffers.sinks === undefined ? null : load('f32', buffers.sinks, add(multiply(g, size(R)), r))
  return [
    define('row', queryRow(attention)),
    ...hold(attention, 'queries', 'query', row, C),
    ...(hasResult ? [{ kind: 'array', name: 'total', type: 'f32', length: W } as const] : []),
    mutable('most', sink ?? unseen),
    mutable('sum', f32(sink === null ? 0 : 1)),
    loopOver('t', from, below, u32(1), () => [
      define('key_row', keyRow(attention)),
      define('logit', seen.kind === 'literal' ? raw : select(seen, raw, unseen)),
      define('top', binary('maximum', most, at)),
      define('shrink', exp(subtract(most, top))),
      define('share', exp(subtract(at, top))),
      assign('sum', add(multiply(sum, named('f32', 'shrink')), named('f32', 'share'))),
      assign('most', top),
      ...(hasResult ? [accumulate('total', W, named('f32', 'share'), named('f32', 'shrink'), value)] : []),
    ]),
    ...(hasResult && mayBeBlind(attention) && sink === null
      ? [
          when(binary('less_equal', most, unseen), [
            assign('sum', cast('f32', size(T))),
            loopTo('w', u32(W), (w) => [setElement('total', w, reduce('sum', 't', size(T), value(w)))]),
          ]),
        ]
      : []),
    ...(hasResult ? [storeRow(buffers.result, row, 'total', W, divide(f32(1), sum))] : []),
    ...(buffers.lse_result === undefined
      ? []
      : [store(buffers.lse_result, row, select(binary('less_equal', most, unseen), unseen, add(most, unary('log', sum))))]),
  ]
}

/** The share of a pair in the softmax, and the gradient of its sum of products, as definitions; then statements over them. */
function pair(
  attention: Attention,
  queries: (c: Expression) => Expression,
  keys: (c: Expression) => Expression,
  dShare: Expression,
): Body {
  const { C, T } = attention
  const [logit, share, lse, delta] = [named('f32', 'logit'), named('f32', 'share'), named('f32', 'lse'), named('f32', 'delta')]
  const c = named('u32', 'c')
  const raw = score(attention, reduce('sum', 'c', u32(C), multiply(queries(c), keys(c))))
  const seen = sees(attention, attention.role === 'key_gradient')
  const own = exp(subtract(logit, lse))
  const isAlways = seen.kind === 'literal'
  const gradient = multiply(multiply(share, subtract(named('f32', 'd_share'), delta)), slope(attention, logit))
  return [
    define('logit', raw),
    ...(isAlways ? [] : [define('seen', seen)]),
    define('share', isAlways ? own : select(variable('bool', 'seen'), own, f32(0))),
    define('d_share', dShare),
    define('d_logit', isAlways ? gradient : select(variable('bool', 'seen'), gradient, f32(0))),
    ...(attention.role === 'key_gradient' && attention.buffers.value_result !== undefined
      ? [
          define(
            'weight',
            mayBeBlind(attention)
              ? select(binary('less_equal', lse, unseen), divide(f32(1), cast('f32', size(T))), share)
              : share,
          ),
        ]
      : []),
  ]
}

/** Defines what a row of queries left behind. */
const defineRow = (attention: Attention, row: Expression): Body =>
  (['lse', 'delta'] as const).map((name) => define(name, load('f32', bufferOf(attention, name), row)))

function queryGradient(attention: Attention): Body {
  const { C, W, T, before, after } = attention
  const [row, keys] = [named('u32', 'row'), named('u32', 'key_row')]
  const key = (c: Expression): Expression => loadAt(attention, 'key', keys, C, c)
  const [from, below] = range(s, T, before, after)
  const dShare = dot('cotangents', W, 'w', (w) => loadAt(attention, 'value', keys, W, w))
  return [
    define('row', queryRow(attention)),
    ...hold(attention, 'queries', 'query', row, C),
    ...hold(attention, 'cotangents', 'cotangent', row, W),
    ...defineRow(attention, row),
    { kind: 'array', name: 'total', type: 'f32', length: C },
    loopOver('t', from, below, u32(1), () => [
      define('key_row', keyRow(attention)),
      ...pair(attention, (c) => element('f32', 'queries', c), key, dShare),
      accumulate('total', C, named('f32', 'd_logit'), null, key),
    ]),
    storeRow(bufferOf(attention, 'query_result'), row, 'total', C),
  ]
}

function keyGradient(attention: Attention): Body {
  const { buffers, C, W, S, R, before, after } = attention
  const [row, keys] = [named('u32', 'row'), named('u32', 'key_row')]
  const { key_result: toKey, value_result: toValue } = buffers
  const query = (c: Expression): Expression => loadAt(attention, 'query', row, C, c)
  const cotangent = (w: Expression): Expression => loadAt(attention, 'cotangent', row, W, w)
  // a query that sees no key gives each value a share
  const [from, below] = mayBeBlind(attention) ? [u32(0), size(S)] : range(t, S, after, before)
  return [
    define('key_row', keyRow(attention)),
    ...hold(attention, 'keys', 'key', keys, C),
    ...(toKey === undefined ? [] : hold(attention, 'values', 'value', keys, W)),
    ...(toKey === undefined ? [] : [{ kind: 'array', name: 'key_total', type: 'f32', length: C } as const]),
    ...(toValue === undefined ? [] : [{ kind: 'array', name: 'value_total', type: 'f32', length: W } as const]),
    loopTo('r', size(R), () => [
      loopOver('s', from, below, u32(1), () => [
        define('row', queryRow(attention)),
        ...defineRow(attention, row),
        ...pair(
          attention,
          query,
          (c) => element('f32', 'keys', c),
          toKey === undefined ? f32(0) : dot('values', W, 'w', cotangent),
        ),
        ...(toKey === undefined ? [] : [accumulate('key_total', C, named('f32', 'd_logit'), null, query)]),
        ...(toValue === undefined ? [] : [accumulate('value_total', W, named('f32', 'weight'), null, cotangent)]),
      ]),
    ]),
    ...(toKey === undefined ? [] : [storeRow(toKey, keys, 'key_total', C)]),
    ...(toValue === undefined ? [] : [storeRow(toValue, keys, 'value_total', W)]),
  ]
}

const BODIES: { readonly [K in Attention['role']]: (attention: Attention) => Body } = {
  forward,
  query_gradient: queryGradient,
  key_gradient: keyGradient,
}

/** The kernel as workgroups of threads. */
export function attentionThreads(attention: Attention): Workgroups {
  const { role, S, T, G, R, rows } = attention
  const isOfKeys = role === 'key_gradient'
  const blocks = size(attentionBlocks(attention))
  const head = named('u32', 'head')
  const [own, count] = isOfKeys ? [t, T] : [s, S]
  const headLines = isOfKeys
    ? [define('g', remainder(head, size(G))), define('b', divide(head, size(G)))]
    : headsOfQueries(G, R, head)
  const place = add(multiply(remainder(WORKGROUP, blocks), u32(rows)), THREAD)
  const body: Body = [
    define('head', divide(WORKGROUP, blocks)),
    ...headLines,
    define(isOfKeys ? 't' : 's', place),
    when(less(own, size(count)), BODIES[role](attention)),
  ]
  return { kind: 'workgroups', workgroups: attentionWorkgroups(attention), workgroupSize: rows, shared: [], body }
}

const headsOfQueries = (G: Dim, R: Dim, head: Expression): Body => [
  define('r', remainder(head, size(R))),
  define('g', remainder(divide(head, size(R)), size(G))),
  define('b', divide(head, size(product([G, R])))),
]
