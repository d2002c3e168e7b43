/**
 * MXFP4 as gpt-oss is shipped: `NAME_blocks` u8 [..., rows, columns / 32, 16] and `NAME_scales` u8 [..., rows, columns / 32]. A
 * block is 32 numbers of e2m1 times a power of two. Open Compute Project, Microscaling Formats 1.0.
 */
import { formatOf } from '../../../plan/storage/formats.ts'
import { createErrorMeter } from './error.ts'
import type { Encoder } from './encoder.ts'

const { elements: BLOCK } = formatOf('mxfp4')
const BIAS = 127

/** The sizes that the lower three bits of a code mean. */
const SIZES = [0, 0.5, 1, 1.5, 2, 3, 4, 6] as const
const MIDDLES = SIZES.slice(1).map((size, at) => (size + SIZES[at]) / 2)

/** The code of the size nearest to another; of two as near, the even code. Sizes beyond the largest become the largest. */
function sizeCode(size: number): number {
  let code = 0
  while (code < MIDDLES.length && (size > MIDDLES[code] || (size === MIDDLES[code] && code % 2 === 1))) code++
  return code
}

const codeOf = (value: number, scale: number): number => sizeCode(Math.abs(value) / scale) | (value < 0 ? 8 : 0)

const meaningOf = (code: number, scale: number): number => SIZES[code & 7] * (code & 8 ? -scale : scale)

/** Below 2^-126 a power of two is subnormal, which devices read as 0. */
const [LEAST, MOST] = [-126, 127]

/** The exponent with which the largest size of a block is in 4 .. 8: that of the specification, which may cut it off at 6. */
const floorExponent = (largest: number): number => Math.max(LEAST, Math.min(MOST, Math.floor(Math.log2(largest)) - 2))

function squaredError(values: Float32Array, from: number, scale: number): number {
  let sum = 0
  for (let at = from; at < from + BLOCK; at++) {
    const difference = values[at] - meaningOf(codeOf(values[at], scale), scale)
    sum += difference * difference
  }
  return sum
}

/** Of the exponent of the specification and the next one, which cuts nothing off, the one with the smaller error. */
export function blockExponent(values: Float32Array, from: number): number {
  let largest = 0
  for (let at = from; at < from + BLOCK; at++) largest = Math.max(largest, Math.abs(values[at]))
  if (largest === 0) return 0
  const low = floorExponent(largest)
  const high = Math.min(MOST, low + 1)
  return squaredError(values, from, 2 ** high) < squaredError(values, from, 2 ** low) ? high : low
}

/** A row is whole blocks. */
export const mxfp4Encoder: Encoder = {
  files(name, shape) {
    const blocks = [...shape.slice(0, -1), shape.at(-1)! / BLOCK]
    const count = blocks.reduce((all, size) => all * size, 1)
    return [
      { info: { name: `${name}_blocks`, dtype: 'U8', shape: [...blocks, BLOCK / 2], bytes: (count * BLOCK) / 2 } },
      { info: { name: `${name}_scales`, dtype: 'U8', shape: blocks, bytes: count } },
    ]
  },
  encode({ values }) {
    const [codes, scales] = [new Uint8Array(values.length / 2), new Uint8Array(values.length / BLOCK)]
    const meter = createErrorMeter()
    for (let block = 0; block < scales.length; block++) {
      const exponent = blockExponent(values, block * BLOCK)
      const scale = 2 ** exponent
      scales[block] = exponent + BIAS
      for (let at = block * BLOCK; at < (block + 1) * BLOCK; at++) {
        const code = codeOf(values[at], scale)
        codes[at >> 1] |= code << (4 * (at & 1))
        meter.add(values[at], meaningOf(code, scale))
      }
    }
    return { bytes: [codes, scales], error: meter.sums() }
  },
}
