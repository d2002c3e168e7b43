/** Numbers of 16 bits: f16, which is IEEE 754 binary16, and bf16, the upper half of an f32. */

/** The bits of a number that f16 holds; any other is rounded to the nearest, ties to the even one. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -24)))
  const fraction = size / 2 ** (exponent - 10)
  const whole = Math.floor(fraction)
  const rest = fraction - whole
  const rounded = rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole
  // a carry into the exponent, and numbers below the normal ones, come out of the sum
  return sign | (rounded < 1024 ? rounded : ((exponent + 14) << 10) + rounded)
}

const word = new DataView(new ArrayBuffer(4))

/** The bits of a number that bf16 holds; any other is rounded to the nearest, ties to the even one. NaN stays NaN. */
export function brainBits(value: number): number {
  word.setFloat32(0, value)
  const bits = word.getUint32(0)
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/** The bytes of f32 numbers in bf16, as `brainBits` rounds each. */
export function brainBytes(values: Float32Array): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let at = 0; at < out.length; at++) {
    const bits = words[at]
    const isNaN = (bits & 0x7fffffff) > 0x7f800000
    out[at] = isNaN ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
  }
  return new Uint8Array(out.buffer)
}

/** 2^-14, the smallest normal f16, and 65520, from which on a number is infinite, as bits of f32. */
const [NORMAL, BEYOND] = [0x38800000, 0x477ff000]

/** The bytes of f32 numbers in f16, as `halfBits` rounds each. */
export function halfBytes(values: Float32Array): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let at = 0; at < out.length; at++) {
    const size = words[at] & 0x7fffffff
    const sign = (words[at] >>> 16) & 0x8000
    if (size >= NORMAL && size < BEYOND) out[at] = sign | (((size + 0xfff + ((size >>> 13) & 1)) >>> 13) - (112 << 10))
    // few numbers of a weight are that small or that large
    else out[at] = halfBits(values[at])
  }
  return new Uint8Array(out.buffer)
}
