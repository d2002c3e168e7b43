/** Q4_0 of GGUF: 32 integers of 4 bits less 8, times a scale. */
import { halfFloat, type Decoder, type StorageFormat } from './decoder.ts'

const SCALE_BYTES = 2

/** One of 32 codes of 4 bits: a byte has those of a place of the first half, below, and of the second. */
export function nibbleOf<I, F>(d: Decoder<I, F>, place: I, from: number): I {
  const byte = d.byte(d.add(d.and(place, 15), d.integer(from)))
  return d.and(d.choose(d.and(place, 16), d.shiftRight(byte, 4), byte), 15)
}

export const q4_0: StorageFormat = {
  elements: 32,
  bytes: SCALE_BYTES + 16,
  decode: (d, place) => {
    const code = nibbleOf(d, place, SCALE_BYTES)
    return d.times(halfFloat(d, d.half(d.integer(0))), d.convert(d.add(code, d.integer(-8))))
  },
  doc: 'a scale in f16, then 32 codes of 4 bits, of which 8 is 0 (GGUF)',
}
