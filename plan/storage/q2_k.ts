/** Q2_K of GGUF: 256 integers of 2 bits; each 16 have a scale and an offset of 4 bits, in units of two numbers of f16. */
import { halfFloat, type StorageFormat } from './decoder.ts'
import { twoBits } from './q3_k.ts'

/** Scales and offsets of 16 groups, the codes, and the two units. */
const [SCALES, CODES, UNITS] = [0, 16, 80]

export const q2_k: StorageFormat = {
  elements: 256,
  bytes: UNITS + 4,
  decode: (d, place) => {
    const both = d.byte(d.add(d.shiftRight(place, 4), d.integer(SCALES)))
    const scale = d.times(halfFloat(d, d.half(d.integer(UNITS))), d.convert(d.and(both, 15)))
    const offset = d.times(halfFloat(d, d.half(d.integer(UNITS + 2))), d.convert(d.shiftRight(both, 4)))
    return d.plus(d.times(scale, d.convert(twoBits(d, place, CODES))), d.times(offset, d.float(-1)))
  },
  doc: '256 codes of 2 bits in groups of 16, each with a scale and an offset of 4 bits (GGUF)',
}
