/** Rounding to codes, and to the dtype that scales are stored as. */
import { encodeElements } from '../../../runtime/weights/convert.ts'
import { brainBits, halfBits } from '../../../runtime/checkpoint/half.ts'
import type { TargetType } from '../../export/gather.ts'
import { CONVERTED_TO } from '../../export/gather.ts'

/** Numbers of f64 from here to twice as far are whole: a sum with it is rounded to the nearest, ties to the even one. */
const WHOLE = 1.5 * 2 ** 52

/** The nearest integer of a number below 2^51; of two as near, the even one. */
export const roundEven = (value: number): number => value + WHOLE - WHOLE

/** The dtypes that scales are stored as. */
export type ScaleType = TargetType

/** Numbers that the dtype holds, as bytes of a file. */
export function scaleBytes(scales: Float32Array, dtype: ScaleType): Uint8Array {
  const format = CONVERTED_TO[dtype]
  return format === null ? new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength) : encodeElements(format, scales)
}

const word = new DataView(new ArrayBuffer(4))

function bitsOf(value: number): number {
  word.setFloat32(0, value)
  return word.getUint32(0)
}

function floatOf(bits: number): number {
  word.setUint32(0, bits)
  return word.getFloat32(0)
}

/** A number of binary16 that is not negative. */
function halfOf(bits: number): number {
  const [exponent, fraction] = [bits >>> 10, bits & 1023]
  if (exponent === 0) return fraction * 2 ** -24
  return exponent === 31 ? Infinity : (1024 + fraction) * 2 ** (exponent - 25)
}

/** The bits of the nearest number of a dtype, and the number of bits: those of the next larger number are one more. */
const BITS: {
  readonly [T in ScaleType]: { readonly nearest: (value: number) => number; readonly number: (bits: number) => number }
} = {
  F32: { nearest: bitsOf, number: floatOf },
  BF16: { nearest: brainBits, number: (bits) => floatOf(bits << 16) },
  F16: { nearest: halfBits, number: halfOf },
}

/**
 * The smallest number of the dtype that is not below a finite one from 0 up, so that no code is further from its number than half
 * a scale. Infinity where the dtype has none.
 */
export function scaleAtLeast(value: number, dtype: ScaleType): number {
  const { nearest, number } = BITS[dtype]
  const bits = nearest(value)
  const scale = number(bits)
  return scale >= value ? scale : number(bits + 1)
}
