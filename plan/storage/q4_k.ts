/** Q4_K of GGUF: 256 integers of 4 bits; each 32 have a scale and an offset of 6 bits, in units of two numbers of f16. */
import { halfFloat, type Decoder, type StorageFormat } from './decoder.ts'

const SCALES = 4
const CODES = SCALES + 12

/**
 * The scale (`from` = 0) or the offset (4) of a group 0 .. 7. Those of groups 0 .. 3 are the lower 6 bits of a byte; of the
 * others 4 bits are in a byte of both, and the upper 2 above those of group - 4.
 */
function sixBits<I, F>(d: Decoder<I, F>, group: I, from: 0 | 4): I {
  const byte = (offset: number): I => d.byte(d.add(d.and(group, 3), d.integer(SCALES + offset)))
  const own = byte(from)
  const both = byte(8)
  const low = d.and(from === 0 ? both : d.shiftRight(both, 4), 15)
  const late = d.or(low, d.shiftLeft(d.shiftRight(own, 6), 4))
  return d.choose(d.and(group, 4), late, d.and(own, 63))
}

/** One of 256 codes of 4 bits: 64 elements share 32 bytes, the first 32 have the lower bits. */
export function fourBits<I, F>(d: Decoder<I, F>, place: I, from: number): I {
  const byte = d.byte(d.add(d.or(d.shiftLeft(d.shiftRight(place, 6), 5), d.and(place, 31)), d.integer(from)))
  return d.and(d.choose(d.and(place, 32), d.shiftRight(byte, 4), byte), 15)
}

/** A code times the scale of its group, less the group's offset. */
export function scaledGroup<I, F>(d: Decoder<I, F>, group: I, code: I): F {
  const scale = d.times(halfFloat(d, d.half(d.integer(0))), d.convert(sixBits(d, group, 0)))
  const offset = d.times(halfFloat(d, d.half(d.integer(2))), d.convert(sixBits(d, group, 4)))
  return d.plus(d.times(scale, d.convert(code)), d.times(offset, d.float(-1)))
}

export const q4_k: StorageFormat = {
  elements: 256,
  bytes: CODES + 128,
  decode: (d, place) => scaledGroup(d, d.shiftRight(place, 5), fourBits(d, place, CODES)),
  doc: '256 codes of 4 bits in groups of 32, each with a scale and an offset of 6 bits (GGUF)',
}
