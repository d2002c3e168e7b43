/** The general contraction (batched matmul). */
import type { Dim } from '../../plan/dim.ts'
import type { OpParams } from '../graph/vocabulary.ts'
import { inherited, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, shapeText, wantCount, wantSame, wantType } from './shapes.ts'
import { elements, hostTensor, strided, stridesOf, type HostTensor } from './tensor.ts'

type Pairs = OpParams['contract']['batch']

/** The batch, free and summed axes of an operand, in the order of the result. */
export interface ContractAxes {
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly over: readonly number[]
}

/** `side` 0 is the left operand, 1 the right. */
export function contractAxes(rank: number, { batch, over }: OpParams['contract'], side: 0 | 1): ContractAxes {
  const [paired, summed] = [batch, over].map((pairs: Pairs) => pairs.map((pair) => pair[side]))
  const all = Array.from({ length: rank }, (_, axis) => axis)
  const free = all.filter((axis) => !paired.includes(axis) && !summed.includes(axis))
  return { batch: paired, free, over: summed }
}

function wantAxesOnce(input: TensorType, axes: readonly number[], word: string): ShapeError | null {
  const rank = input.shape.length
  const odd = axes.find((axis, i) => !Number.isInteger(axis) || axis < 0 || axis >= rank || axes.indexOf(axis) !== i)
  return odd === undefined ? null : fail(`axis ${odd} of the ${word} ${shapeText(input.shape)} is paired twice or does not exist`)
}

function inferContract(inputs: readonly TensorType[], params: OpParams['contract']): TensorType | ShapeError {
  const complaint =
    wantCount(inputs, 2) ?? firstOf(...inputs.map((input, i) => wantType(input, i === 0 ? 'left' : 'right', 'f32')))
  if (complaint) return complaint
  const [left, right] = inputs
  const pairs = [...params.batch, ...params.over]
  const odd =
    wantAxesOnce(
      left,
      pairs.map(([i]) => i),
      'left',
    ) ??
    wantAxesOnce(
      right,
      pairs.map(([, j]) => j),
      'right',
    ) ??
    firstOf(...pairs.map(([i, j]) => wantSame(left.shape[i], right.shape[j], `axis ${i} of the left and axis ${j} of the right`)))
  if (odd) return odd
  const a = contractAxes(left.shape.length, params, 0)
  const b = contractAxes(right.shape.length, params, 1)
  const shape: Dim[] = [...a.batch, ...a.free].map((axis) => left.shape[axis])
  return { shape: [...shape, ...b.free.map((axis) => right.shape[axis])], dtype: 'f32' }
}

/** The operand with axes batch, free, over: summed elements are contiguous. */
function packed({ shape, values }: HostTensor, { batch, free, over }: ContractAxes): Float64Array {
  const order = [...batch, ...free, ...over]
  const strides = stridesOf(shape)
  if (order.every((axis, i) => axis === i)) return values
  return strided(
    values,
    order.map((axis) => shape[axis]),
    order.map((axis) => strides[axis]),
  )
}

/** x[n, :] . w[f, :] for rows that start at these elements. A sum of one term is the term, -0 included. */
export function dot(x: Float64Array, xStart: number, w: Float64Array, wStart: number, depth: number): number {
  let sum = depth === 0 ? 0 : -0
  for (let d = 0; d < depth; d++) sum += x[xStart + d] * w[wStart + d]
  return sum
}

function evaluateContract(left: HostTensor, right: HostTensor, params: OpParams['contract']): HostTensor {
  const a = contractAxes(left.shape.length, params, 0)
  const b = contractAxes(right.shape.length, params, 1)
  const sizes = (tensor: HostTensor, axes: readonly number[]): number[] => axes.map((axis) => tensor.shape[axis])
  const extents = [sizes(left, a.batch), sizes(left, a.free), sizes(right, b.free), sizes(left, a.over)]
  const [batch, rows, columns, depth] = extents.map(elements)
  const [x, w] = [packed(left, a), packed(right, b)]
  const values = new Float64Array(batch * rows * columns)
  let at = 0
  for (let p = 0; p < batch; p++) {
    for (let m = 0; m < rows; m++) {
      const row = (p * rows + m) * depth
      for (let n = 0; n < columns; n++) values[at++] = dot(x, row, w, (p * columns + n) * depth, depth)
    }
  }
  return hostTensor([...sizes(left, [...a.batch, ...a.free]), ...sizes(right, b.free)], 'f32', values)
}

export const contractions: Records<'contract'> = {
  contract: {
    doc: 'The product summed over paired axes. Result axes: batch pairs, free axes of the left, free axes of the right.',
    formula: 'y[b..., m..., n...] = sum over k... of left[b, m, k] * right[b, n, k]',
    kind: 'contraction',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('a chain of multiplications and additions'),
    infer: inferContract,
    evaluate: ([left, right], params) => evaluateContract(left, right, params),
  },
}
