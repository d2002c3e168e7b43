/** MXFP4 of the Open Compute Project: 32 numbers of e2m1, times a power of two, in the two orders in which files have them. */
import { neighbour, type Decoder, type StorageFormat } from './decoder.ts'
import { nibbleOf } from './q4_0.ts'

const SCALE_BYTES = 1

/** A number of e2m1, times the power of two of its block. */
function scaled<I, F>(d: Decoder<I, F>, code: I): F {
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
}

/** As gpt_oss is shipped: two neighbours a byte. */
export const mxfp4: StorageFormat = {
  elements: 32,
  bytes: SCALE_BYTES + 16,
  decode: (d, place) => scaled(d, neighbour(d, place, SCALE_BYTES)),
  doc: 'an exponent, then 32 numbers of 4 bits, e2m1, two neighbours a byte (Open Compute Project)',
}

/** As GGUF has it: a byte has places j and j + 16. */
export const mxfp4_gguf: StorageFormat = {
  elements: 32,
  bytes: SCALE_BYTES + 16,
  decode: (d, place) => scaled(d, nibbleOf(d, place, SCALE_BYTES)),
  doc: 'an exponent, then 32 numbers of 4 bits, e2m1, places j and j + 16 a byte (GGUF)',
}
