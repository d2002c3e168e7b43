/**
 * Codes of 4 or 8 bits in words of 32, as compressed-tensors packs them (`pack-quantized`), which `runtime/checkpoint/codes`
 * reads: `NAME_packed`, `NAME_scale`, `NAME_shape`, and with zero points `NAME_zero_point`.
 */
import type { TensorInfo } from '../../../runtime/checkpoint/checkpoint.ts'
import { DTYPES, type DTypeName } from '../../../runtime/checkpoint/dtypes.ts'
import { elementCount } from '../../../runtime/tensors.ts'
import { createErrorMeter, type ErrorMeter } from './error.ts'
import { matricesOf, type Encoder } from './encoder.ts'
import { roundEven, scaleAtLeast, scaleBytes, type ScaleType } from './rounding.ts'

export interface IntegerScheme {
  readonly bits: 4 | 8
  /** Whether each group has a zero point. Without one, codes are symmetric around 0. */
  readonly hasZero: boolean
  /** Numbers of a row that share a scale; the last group of a row may have fewer. */
  readonly group: number
  readonly scales: ScaleType
  /** Whether scales are searched for the least squared error; otherwise the largest number sets the scale. */
  readonly searches: boolean
}

/** What the codes of a group mean: scale * (code - zero), for codes 0 .. 2^bits - 1. */
export interface GroupFit {
  readonly scale: number
  readonly zero: number
}

const codeOf = (value: number, scale: number, zero: number, most: number): number =>
  Math.max(0, Math.min(most, roundEven(value / scale) + zero))

const meaningOf = (code: number, scale: number, zero: number): number => Math.fround(scale * (code - zero))

/** Shares of the range that are tried in a search: what is outside becomes the nearest code. */
const SHARES: readonly number[] = Array.from({ length: 17 }, (_, at) => 1 - at / 32)

/** The scale that a share of the range takes, 1 for all of it. */
function fitOf(low: number, high: number, share: number, { bits, hasZero, scales }: IntegerScheme): GroupFit {
  const [half, most] = [2 ** (bits - 1), 2 ** bits - 1]
  // a group of zeros has codes of zero whatever its scale is
  if (low === 0 && high === 0) return { scale: 1, zero: half * Number(!hasZero) }
  const width = hasZero ? (high - low) / most : Math.max(high / (half - 1), -low / half)
  const scale = scaleAtLeast(width * share, scales)
  return { scale, zero: hasZero ? Math.min(most, roundEven((-low * share) / scale)) : half }
}

function squaredError(values: Float32Array, from: number, end: number, { scale, zero }: GroupFit, most: number): number {
  let sum = 0
  for (let at = from; at < end; at++) {
    const difference = values[at] - meaningOf(codeOf(values[at], scale, zero, most), scale, zero)
    sum += difference * difference
  }
  return sum
}

/** The scale and zero point of numbers `from` .. `end` - 1. */
export function fitGroup(values: Float32Array, from: number, end: number, scheme: IntegerScheme): GroupFit {
  let [low, high] = [0, 0]
  for (let at = from; at < end; at++) {
    if (values[at] < low) low = values[at]
    if (values[at] > high) high = values[at]
  }
  const whole = fitOf(low, high, 1, scheme)
  if (!scheme.searches) return whole
  const most = 2 ** scheme.bits - 1
  let [best, least] = [whole, squaredError(values, from, end, whole, most)]
  for (const share of SHARES) {
    const fit = fitOf(low, high, share, scheme)
    const error = squaredError(values, from, end, fit, most)
    if (error < least) [best, least] = [fit, error]
  }
  return best
}

const WORD = 4

const wordsFor = (codes: number, bits: number): number => Math.ceil((codes * bits) / 32)

function addCode(bytes: Uint8Array, start: number, at: number, code: number, bits: 4 | 8): void {
  if (bits === 8) bytes[start + at] = code
  else bytes[start + (at >> 1)] |= code << (4 * (at & 1))
}

/** Codes and errors of a group that begins at a place of its row. */
function encodeGroup(
  values: Float32Array,
  [from, end]: readonly [number, number],
  { scale, zero }: GroupFit,
  bits: 4 | 8,
  [packed, start, place]: readonly [Uint8Array, number, number],
  meter: ErrorMeter,
): void {
  const most = 2 ** bits - 1
  for (let at = from; at < end; at++) {
    const code = codeOf(values[at], scale, zero, most)
    addCode(packed, start, place + at - from, code, bits)
    meter.add(values[at], meaningOf(code, scale, zero))
  }
}

/** Zero points packed along the rows of each matrix: [..., rows x bits / 32, groups] words. */
function packZeros(zeros: Uint8Array, outer: number, rows: number, groups: number, bits: 4 | 8): Uint8Array {
  const [perWord, words] = [32 / bits, wordsFor(rows, bits)]
  const bytes = new Uint8Array(outer * words * groups * WORD)
  for (let row = 0; row < outer * rows; row++)
    for (let group = 0; group < groups; group++) {
      const inner = row % rows
      const word = (Math.floor(row / rows) * words + Math.floor(inner / perWord)) * groups + group
      addCode(bytes, word * WORD, inner % perWord, zeros[row * groups + group], bits)
    }
  return bytes
}

const info = (name: string, dtype: DTypeName, shape: readonly number[]): TensorInfo => ({
  name,
  dtype,
  shape,
  bytes: (elementCount(shape) * DTYPES[dtype].bits) / 8,
})

const shapeBytes = (shape: readonly number[]): Uint8Array => new Uint8Array(BigInt64Array.from(shape, BigInt).buffer)

export const integerEncoder = (scheme: IntegerScheme): Encoder => ({
  files(name, shape) {
    const { bits, hasZero, group, scales } = scheme
    const { rows, columns } = matricesOf(shape)
    const [outer, groups] = [shape.slice(0, -2), Math.ceil(columns / group)]
    return [
      { info: info(`${name}_packed`, 'I32', [...outer, rows, wordsFor(columns, bits)]) },
      { info: info(`${name}_scale`, scales, [...outer, rows, groups]) },
      { info: info(`${name}_shape`, 'I64', [shape.length]), fixed: shapeBytes(shape) },
      ...(hasZero ? [{ info: info(`${name}_zero_point`, 'I32', [...outer, wordsFor(rows, bits), groups]) }] : []),
    ]
  },
  encode({ shape, values }) {
    const { bits, hasZero, group } = scheme
    const { outer, rows, columns } = matricesOf(shape)
    const groups = Math.ceil(columns / group)
    const rowBytes = wordsFor(columns, bits) * WORD
    const packed = new Uint8Array(outer * rows * rowBytes)
    const [scales, zeros] = [new Float32Array(outer * rows * groups), new Uint8Array(outer * rows * groups)]
    const meter = createErrorMeter()
    for (let row = 0; row < outer * rows; row++)
      for (let at = 0; at < groups; at++) {
        const [from, end] = [row * columns + at * group, row * columns + Math.min(columns, (at + 1) * group)]
        const fit = fitGroup(values, from, end, scheme)
        scales[row * groups + at] = fit.scale
        zeros[row * groups + at] = fit.zero
        encodeGroup(values, [from, end], fit, bits, [packed, row * rowBytes, at * group], meter)
      }
    const bytes = [packed, scaleBytes(scales, scheme.scales), shapeBytes(shape)]
    return { bytes: hasZero ? [...bytes, packZeros(zeros, outer, rows, groups, bits)] : bytes, error: meter.sums() }
  },
})
