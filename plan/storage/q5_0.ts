/** Q5_0 and Q5_1 of GGUF: 32 integers of 5 bits, the fifth bits in bytes of their own. */
import { bitAt, halfFloat, type Decoder, type StorageFormat } from './decoder.ts'
import { nibbleOf } from './q4_0.ts'

const HIGH_BYTES = 4

/** One of 32 codes of 5 bits: 4 bytes with a bit a place, then the lower bits. */
function fiveBits<I, F>(d: Decoder<I, F>, place: I, from: number): I {
  const high = bitAt(d, d.byte(d.add(d.shiftRight(place, 3), d.integer(from))), place)
  return d.or(nibbleOf(d, place, from + HIGH_BYTES), d.shiftLeft(high, 4))
}

export const q5_0: StorageFormat = {
  elements: 32,
  bytes: 2 + HIGH_BYTES + 16,
  decode: (d, place) => d.times(halfFloat(d, d.half(d.integer(0))), d.convert(d.add(fiveBits(d, place, 2), d.integer(-16)))),
  doc: 'a scale in f16, then 32 codes of 5 bits, of which 16 is 0 (GGUF)',
}

export const q5_1: StorageFormat = {
  elements: 32,
  bytes: 4 + HIGH_BYTES + 16,
  decode: (d, place) => {
    const scaled = d.times(halfFloat(d, d.half(d.integer(0))), d.convert(fiveBits(d, place, 4)))
    return d.plus(scaled, halfFloat(d, d.half(d.integer(2))))
  },
  doc: 'a scale and an offset in f16, then 32 codes of 5 bits (GGUF)',
}
