/** Q3_K of GGUF: 256 integers of 3 bits less 4; each 16 have a scale of 6 bits less 32, in units of a number of f16. */
import { bitAt, halfFloat, pairAt, type Decoder, type StorageFormat } from './decoder.ts'

/** The third bits, the lower bits, the scales, and their unit. */
const [HIGH, LOW, SCALES, UNIT] = [0, 32, 96, 108]

/** One of 256 codes of 2 bits: 128 elements are four rows of 32, which share 32 bytes. */
export const twoBits = <I, F>(d: Decoder<I, F>, place: I, from: number): I => {
  const at = d.or(d.shiftLeft(d.shiftRight(place, 7), 5), d.and(place, 31))
  return pairAt(d, d.byte(d.add(at, d.integer(from))), d.shiftRight(place, 5))
}

/** The scale of a group 0 .. 15: groups i and i + 8 share a byte of lower 4 bits, every fourth group one of upper 2 bits. */
function scaleOf<I, F>(d: Decoder<I, F>, group: I): I {
  const byte = d.byte(d.add(d.and(group, 7), d.integer(SCALES)))
  const low = d.and(d.choose(d.and(group, 8), d.shiftRight(byte, 4), byte), 15)
  const high = pairAt(d, d.byte(d.add(d.and(group, 3), d.integer(SCALES + 8))), d.shiftRight(group, 2))
  return d.add(d.or(low, d.shiftLeft(high, 4)), d.integer(-32))
}

export const q3_k: StorageFormat = {
  elements: 256,
  bytes: UNIT + 2,
  decode: (d, place) => {
    const high = bitAt(d, d.byte(d.add(d.and(place, 31), d.integer(HIGH))), d.shiftRight(place, 5))
    const code = d.add(d.or(twoBits(d, place, LOW), d.shiftLeft(high, 2)), d.integer(-4))
    const scale = d.convert(scaleOf(d, d.shiftRight(place, 4)))
    return d.times(d.times(halfFloat(d, d.half(d.integer(UNIT))), scale), d.convert(code))
  },
  doc: '256 codes of 3 bits in groups of 16, each with a scale of 6 bits (GGUF)',
}
