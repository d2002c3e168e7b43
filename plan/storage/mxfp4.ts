/** MXFP4 of the Open Compute Project: 32 numbers of e2m1, times a power of two. As gpt_oss is shipped: two neighbours a byte. */
import type { StorageFormat } from './decoder.ts'

export const mxfp4: StorageFormat = {
  elements: 32,
  bytes: 1 + 16,
  decode: (d, place) => {
    const byte = d.byte(d.add(d.shiftRight(place, 1), d.integer(1)))
    const code = d.and(d.choose(d.and(place, 1), d.shiftRight(byte, 4), byte), 15)
    const size = d.and(code, 7)
    // 2, 3, 4, 6 ... are 2 + fraction, shifted by the exponent less one; with an exponent of 0 half of the fraction alone
    const exponent = d.shiftRight(size, 1)
    const fraction = d.and(size, 1)
    const normal = d.or(d.shiftLeft(fraction, 22), d.shiftLeft(d.add(exponent, d.integer(126)), 23))
    const small = d.choose(fraction, d.integer(0x3f000000), d.integer(0))
    const value = d.bits(d.or(d.choose(exponent, normal, small), d.shiftLeft(d.and(code, 8), 28)))
    // 2^(scale - 127), which below 2^-126 is subnormal: half of it twice would be flushed, so it is 0
    const scale = d.byte(d.integer(0))
    return d.times(value, d.bits(d.shiftLeft(scale, 23)))
  },
  doc: 'an exponent, then 32 numbers of 4 bits, e2m1 (Open Compute Project)',
}
