/**
 * The gradients of fused attention: Dao et al., 2022, arXiv:2205.14135, section 3.1. The softmax is recomputed from its
 * log-sum-exp; with d share = cotangent . value, d score = share * (d share - delta).
 */
import type { AttentionParams } from '../graph/vocabulary.ts'
import {
  ACCURACY,
  attentionSizes,
  dotAt,
  forRows,
  keyPlace,
  scoresOf,
  UNSEEN,
  visibility,
  wantOptional,
  wantParams,
  wantScores,
  wantValue,
  type Row,
} from './attention.ts'
import type { OpRecord, Records, ShapeError, TensorType } from './record.ts'
import { fail, firstOf, sameShape, shapeText, wantType } from './shapes.ts'
import { hostTensor, type HostTensor } from './tensor.ts'

export type AttentionGradientOp = 'attention_query_gradient' | 'attention_key_gradient' | 'attention_value_gradient'

const wantShape = (input: TensorType, word: string, shape: TensorType['shape']): ShapeError | null =>
  wantType(input, word, 'f32') ??
  (sameShape(input.shape, shape) ? null : fail(`the ${word} is ${shapeText(input.shape)}, not ${shapeText(shape)}`))

function wantOperands(inputs: readonly TensorType[], params: AttentionParams): ShapeError | null {
  const [query, key, value, cotangent, lse, delta, ...rest] = inputs
  if (delta === undefined) return fail(`takes at least 6 operands, not ${inputs.length}`)
  const complaint = wantParams(params) ?? wantScores(query, key) ?? wantValue(key, value)
  if (complaint) return complaint
  const rows = query.shape.slice(0, 4)
  const odd = firstOf(
    wantShape(cotangent, 'cotangent', [...rows, value.shape[3]]),
    wantShape(lse, 'log-sum-exp', rows),
    wantShape(delta, 'delta', rows),
  )
  if (odd) return odd
  if (rest.some(({ dtype }) => dtype !== 'bool')) return fail('the last operand is a mask: there is no gradient with a past')
  return wantOptional(rest, attentionSizes(query.shape, key.shape))
}

/** A pair of a row and a key: its share in the softmax, and the gradient of scale * query . key. */
type Visit = (row: Row, t: number, share: number, dScore: number) => void

function forPairs(
  [query, key, value, cotangent, lse, delta, mask]: readonly HostTensor[],
  params: AttentionParams,
  visit: Visit,
): void {
  const sizes = attentionSizes(query.shape, key.shape)
  const width = value.shape[3]
  const rows = scoresOf(query, key, mask ?? null, params)
  const sees = visibility(mask ?? null, params)
  forRows(sizes, (row) => {
    const isBlind = lse.values[row.at] <= UNSEEN
    rows(row).forEach((score, t) => {
      const share = isBlind ? 1 / sizes.T : Math.exp(score - lse.values[row.at])
      const slope = params.cap === 0 ? 1 : 1 - (score / params.cap) ** 2
      const dShare = dotAt(cotangent, row.at * width, value, keyPlace(sizes, row, t) * width, width)
      visit(row, t, share, sees(row, t) ? share * (dShare - delta.values[row.at]) * slope * params.scale : 0)
    })
  })
}

/** Adds multiples of rows of one tensor to rows of the result. */
function addRow(result: HostTensor, to: number, from: HostTensor, at: number, factor: number): void {
  const width = result.shape.at(-1)!
  for (let i = 0; i < width; i++) result.values[to * width + i] += factor * from.values[at * width + i]
}

/** `operand`: of which the result is the gradient. */
function gradient(
  word: string,
  operand: number,
  formula: string,
  add: (result: HostTensor, inputs: readonly HostTensor[]) => Visit,
): OpRecord<AttentionGradientOp> {
  return {
    doc: `The gradient of the ${word} of an attention.`,
    formula,
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: ACCURACY,
    infer: (inputs, params) => wantOperands(inputs, params) ?? { shape: inputs[operand].shape, dtype: 'f32' },
    evaluate(inputs, params) {
      const { shape, values } = inputs[operand]
      const result = hostTensor(shape, 'f32', new Float64Array(values.length))
      forPairs(inputs, params, add(result, inputs))
      return result
    },
  }
}

export const attentionGradients: Records<AttentionGradientOp> = {
  attention_query_gradient: gradient(
    'query',
    0,
    'y[b, s, g, r] = scale * sum over t of d score[b, s, g, r, t] * key[b, t, g]',
    (result, [query, key]) =>
      (row, t, _, dScore) =>
        addRow(result, row.at, key, keyPlace(attentionSizes(query.shape, key.shape), row, t), dScore),
  ),
  attention_key_gradient: gradient(
    'key',
    1,
    'y[b, t, g] = scale * sum over s and r of d score[b, s, g, r, t] * query[b, s, g, r]',
    (result, [query, key]) =>
      (row, t, _, dScore) =>
        addRow(result, keyPlace(attentionSizes(query.shape, key.shape), row, t), query, row.at, dScore),
  ),
  attention_value_gradient: gradient(
    'value',
    2,
    'y[b, t, g] = sum over s and r of share[b, s, g, r, t] * cotangent[b, s, g, r]',
    (result, [query, key, , cotangent]) =>
      (row, t, share) =>
        addRow(result, keyPlace(attentionSizes(query.shape, key.shape), row, t), cotangent, row.at, share),
  ),
}
