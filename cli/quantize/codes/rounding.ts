/** Rounding to codes, and to the dtype that scales are stored as. */
import { encodeElements } from '../../../runtime/weights/convert.ts'
import { DTYPES } from '../../../runtime/checkpoint/dtypes.ts'
import type { TargetType } from '../../export/gather.ts'
import { CONVERTED_TO } from '../../export/gather.ts'

/** The nearest integer; of two as near, the even one. */
export function roundEven(value: number): number {
  const above = Math.round(value)
  return above - value === 0.5 && above % 2 !== 0 ? above - 1 : above
}

/** The dtypes that scales are stored as. */
export type ScaleType = TargetType

/** Numbers that the dtype holds, as bytes of a file. */
export function scaleBytes(scales: Float32Array, dtype: ScaleType): Uint8Array {
  const format = CONVERTED_TO[dtype]
  return format === null ? new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength) : encodeElements(format, scales)
}

const numberOf = (bytes: Uint8Array, dtype: ScaleType): number => DTYPES[dtype].read(bytes.slice().buffer as ArrayBuffer)[0]

/** The bits of a number that is not negative, plus one: those of the next larger number. */
function increased(bytes: Uint8Array): Uint8Array {
  const next = bytes.slice()
  // a byte that was 255 becomes 0 and carries
  let at = 0
  do next[at] = (next[at] + 1) & 255
  while (next[at++] === 0 && at < next.length)
  return next
}

/**
 * The smallest number of the dtype that is not below a finite one, so that no code is further from its number than half a scale.
 * Infinity where the dtype has none.
 */
export function scaleAtLeast(value: number, dtype: ScaleType): number {
  const bytes = scaleBytes(Float32Array.of(value), dtype)
  const nearest = numberOf(bytes, dtype)
  return nearest >= value ? nearest : numberOf(increased(bytes), dtype)
}
