/** Fused attention: Dao et al., 2022, arXiv:2205.14135. The scores of all queries and keys are never a tensor. */
import { ONE, type Dim } from '../../plan/dim.ts'
import type { AttentionParams } from '../graph/vocabulary.ts'
import { inherited, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, shapeText, wantRank, wantSame, wantType } from './shapes.ts'
import { hostTensor, stridesOf, type HostTensor } from './tensor.ts'

/** The score of a key that a query does not see: the lowest f32. A query that sees no key and has no sink averages all values. */
export const UNSEEN = -3.4028234663852886e38

export const ACCURACY = inherited('its scores, their softmax and the sums in f32')

/** The sizes of an attention, in the words of its op. */
export interface AttentionSizes<D> {
  readonly B: D
  readonly S: D
  readonly T: D
  readonly G: D
  readonly R: D
  readonly C: D
}

/** Of the shapes of query and key. */
export const attentionSizes = <D>([B, S, G, R, C]: readonly D[], [, T]: readonly D[]): AttentionSizes<D> => ({ B, S, T, G, R, C })

function wantMask(mask: TensorType, { B, S, T, G, R }: AttentionSizes<Dim>): ShapeError | null {
  const full = [B, S, G, R, T]
  const fits = mask.shape.length === full.length && mask.shape.every((size, axis) => size === ONE || size === full[axis])
  return (
    wantType(mask, 'mask', 'bool') ?? (fits ? null : fail(`the mask ${shapeText(mask.shape)} is not ${shapeText(full)} or 1`))
  )
}

const wantSinks = (sinks: TensorType, { G, R }: AttentionSizes<Dim>): ShapeError | null =>
  firstOf(wantType(sinks, 'sinks', 'f32'), wantRank(sinks, 'sinks', 2)) ??
  firstOf(
    wantSame(sinks.shape[0], G, 'axis 0 of the sinks and the key heads'),
    wantSame(sinks.shape[1], R, 'axis 1 of the sinks and axis 3 of the query'),
  )

export const wantParams = ({ scale, cap, before, after }: AttentionParams): ShapeError | null => {
  const isLimit = (limit: number): boolean => limit === Infinity || Number.isInteger(limit)
  if (!Number.isFinite(scale)) return fail(`the scale ${scale} is not finite`)
  if (!(Number.isFinite(cap) && cap >= 0)) return fail(`the cap ${cap} is not finite and at least 0`)
  return isLimit(before) && isLimit(after) ? null : fail('the band is not of whole numbers')
}

/** Query and key. */
export const wantScores = (query: TensorType, key: TensorType): ShapeError | null =>
  firstOf(wantType(query, 'query', 'f32'), wantType(key, 'key', 'f32'), wantRank(query, 'query', 5), wantRank(key, 'key', 4)) ??
  firstOf(
    wantSame(query.shape[0], key.shape[0], 'axis 0 of the query and of the key'),
    wantSame(query.shape[2], key.shape[2], 'axis 2 of the query and of the key'),
    wantSame(query.shape[4], key.shape[3], 'axis 4 of the query and axis 3 of the key'),
  )

export const wantValue = (key: TensorType, value: TensorType): ShapeError | null =>
  firstOf(wantType(value, 'value', 'f32'), wantRank(value, 'value', 4)) ??
  firstOf(...[0, 1, 2].map((axis) => wantSame(key.shape[axis], value.shape[axis], `axis ${axis} of the key and of the value`)))

interface OptionalOperands<T> {
  readonly mask: T | null
  readonly sinks: T | null
  readonly past: T | null
}

/** A mask, then sinks, then the past, each of which may be absent: told apart by their dtypes. */
export function optionalOperands<T extends { readonly dtype: string }>(rest: readonly T[]): OptionalOperands<T> {
  const of = (dtype: string): T | null => rest.find((operand) => operand.dtype === dtype) ?? null
  return { mask: of('bool'), sinks: of('f32'), past: of('i32') }
}

const wantPast = (past: TensorType, { B }: AttentionSizes<Dim>): ShapeError | null =>
  wantRank(past, 'past', 1) ?? wantSame(past.shape[0], B, 'axis 0 of the past and of the query')

export function wantOptional(rest: readonly TensorType[], sizes: AttentionSizes<Dim>): ShapeError | null {
  const { mask, sinks, past } = optionalOperands(rest)
  const present = [mask, sinks, past].filter((operand) => operand !== null)
  if (present.length !== rest.length || present.some((operand, at) => operand !== rest[at]))
    return fail('behind the values come a mask, sinks and a past, in this order, and no others')
  return (
    (mask === null ? null : wantMask(mask, sizes)) ??
    (sinks === null ? null : wantSinks(sinks, sizes)) ??
    (past === null ? null : wantPast(past, sizes))
  )
}

/** The place of a row of the scores: its query, and its key head. */
export interface Row {
  readonly b: number
  readonly s: number
  readonly g: number
  readonly r: number
  /** Among rows [B, S, G, R]. */
  readonly at: number
}

export function forRows({ B, S, G, R }: AttentionSizes<number>, each: (row: Row) => void): void {
  let at = 0
  for (let b = 0; b < B; b++)
    for (let s = 0; s < S; s++) for (let g = 0; g < G; g++) for (let r = 0; r < R; r++) each({ b, s, g, r, at: at++ })
}

/** Whether the query of a row sees key t. */
export function visibility(
  mask: HostTensor | null,
  { before, after }: AttentionParams,
  past: HostTensor | null = null,
): (row: Row, t: number) => boolean {
  const strides = mask === null ? [] : stridesOf(mask.shape).map((stride, axis) => (mask.shape[axis] === 1 ? 0 : stride))
  const isKept = ({ b, s, g, r }: Row, t: number): boolean =>
    mask === null || mask.values[[b, s, g, r, t].reduce((sum, index, axis) => sum + index * strides[axis], 0)] !== 0
  return (row, t) => {
    const place = row.s + (past === null ? 0 : past.values[row.b])
    return place - before <= t && t <= place + after && isKept(row, t)
  }
}

/** The sum of products of some numbers of two tensors, from a place on each. */
export function dotAt(x: HostTensor, from: number, y: HostTensor, at: number, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += x.values[from + i] * y.values[at + i]
  return sum
}

/** The place of head g of key or value t. */
export const keyPlace = ({ T, G }: AttentionSizes<number>, { b, g }: Row, t: number): number => (b * T + t) * G + g

/** The scores of a row over all keys, `UNSEEN` where a key is not seen. */
export function scoresOf(
  query: HostTensor,
  key: HostTensor,
  mask: HostTensor | null,
  params: AttentionParams,
  past: HostTensor | null = null,
): (row: Row) => Float64Array {
  const sizes = attentionSizes(query.shape, key.shape)
  const sees = visibility(mask, params, past)
  return (row) =>
    Float64Array.from({ length: sizes.T }, (_, t) => {
      if (!sees(row, t)) return UNSEEN
      const score = params.scale * dotAt(query, row.at * sizes.C, key, keyPlace(sizes, row, t) * sizes.C, sizes.C)
      return params.cap === 0 ? score : params.cap * Math.tanh(score / params.cap)
    })
}

/** The largest logit of a row, and the sum of the exponentials of all logits less it. */
export function softmaxSum(scores: Float64Array, sink: number | null): { readonly most: number; readonly sum: number } {
  const logits = [...scores, ...(sink === null ? [] : [sink])]
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  return { most, sum: logits.reduce((all, logit) => all + Math.exp(logit - most), 0) }
}

const sinkOf = (sinks: HostTensor | null, { g, r }: Row): number | null =>
  sinks === null ? null : sinks.values[g * sinks.shape[1] + r]

export const attentions: Records<'attention' | 'attention_lse'> = {
  attention: {
    doc:
      'Scaled dot-product attention: values averaged by the softmax of the scores. A key outside of the band or of the mask has the ' +
      'lowest f32 as its score, so a query that sees no key and has no sink averages all values.',
    formula: 'y[b, s, g, r] = sum over t of softmax(score[b, s, g, r])[t] * value[b, t, g]',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: ACCURACY,
    infer([query, key, value, ...rest], params) {
      if (value === undefined) return fail('takes a query, a key and a value')
      const complaint = wantParams(params) ?? wantScores(query, key) ?? wantValue(key, value)
      if (complaint) return complaint
      const odd = wantOptional(rest, attentionSizes(query.shape, key.shape))
      return odd ?? { shape: [...query.shape.slice(0, 4), value.shape[3]], dtype: 'f32' }
    },
    evaluate([query, key, value, ...rest], params) {
      const { mask, sinks, past } = optionalOperands(rest)
      const sizes = attentionSizes(query.shape, key.shape)
      const width = value.shape[3]
      const rows = scoresOf(query, key, mask, params, past)
      const result = new Float64Array(sizes.B * sizes.S * sizes.G * sizes.R * width)
      forRows(sizes, (row) => {
        const scores = rows(row)
        const { most, sum } = softmaxSum(scores, sinkOf(sinks, row))
        scores.forEach((score, t) => {
          const share = Math.exp(score - most) / sum
          const from = keyPlace(sizes, row, t) * width
          for (let w = 0; w < width; w++) result[row.at * width + w] += share * value.values[from + w]
        })
      })
      return hostTensor([...query.shape.slice(0, 4), width], 'f32', result)
    },
  },
  attention_lse: {
    doc: 'The log-sum-exp of the scores of an attention with its sink, which its gradients start from; the lowest f32 where a query sees nothing.',
    formula: 'y[b, s, g, r] = log(exp(sink[g, r]) + sum over t of exp(score[b, s, g, r, t]))',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: ACCURACY,
    infer([query, key, ...rest], params) {
      if (key === undefined) return fail('takes a query and a key')
      const complaint = wantParams(params) ?? wantScores(query, key) ?? wantOptional(rest, attentionSizes(query.shape, key.shape))
      return complaint ?? { shape: query.shape.slice(0, 4), dtype: 'f32' }
    },
    evaluate([query, key, ...rest], params) {
      const { mask, sinks, past } = optionalOperands(rest)
      const sizes = attentionSizes(query.shape, key.shape)
      const rows = scoresOf(query, key, mask, params, past)
      const result = new Float64Array(sizes.B * sizes.S * sizes.G * sizes.R)
      forRows(sizes, (row) => {
        const { most, sum } = softmaxSum(rows(row), sinkOf(sinks, row))
        result[row.at] = most <= UNSEEN ? UNSEEN : most + Math.log(sum)
      })
      return hostTensor(query.shape.slice(0, 4), 'f32', result)
    },
  },
}
