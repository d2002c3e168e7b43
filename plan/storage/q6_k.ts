/** Q6_K of GGUF: 256 integers of 6 bits less 32; each 16 have a scale of 8 bits, in units of a number of f16. */
import { halfFloat, type StorageFormat } from './decoder.ts'

/** The lower 4 bits of 256 codes, the upper 2, the scales, and their unit. */
const [LOW, HIGH, SCALES, UNIT] = [0, 128, 192, 208]

export const q6_k: StorageFormat = {
  elements: 256,
  bytes: UNIT + 2,
  decode: (d, place) => {
    const [half, row, line] = [d.shiftRight(place, 7), d.and(d.shiftRight(place, 5), 3), d.and(place, 31)]
    // 128 elements are four rows of 32: of two rows each the lower bits share bytes, of all four the upper ones
    const low = d.byte(d.add(d.add(d.shiftLeft(half, 6), d.shiftLeft(d.and(row, 1), 5)), d.add(line, d.integer(LOW))))
    const high = d.byte(d.add(d.shiftLeft(half, 5), d.add(line, d.integer(HIGH))))
    const four = d.and(d.choose(d.and(row, 2), d.shiftRight(low, 4), low), 15)
    const upper = d.choose(d.and(row, 2), d.shiftRight(high, 4), high)
    const two = d.and(d.choose(d.and(row, 1), d.shiftRight(upper, 2), upper), 3)
    const code = d.add(d.or(four, d.shiftLeft(two, 4)), d.integer(-32))
    const byte = d.byte(d.add(d.shiftRight(place, 4), d.integer(SCALES)))
    const scale = d.add(byte, d.choose(d.and(byte, 0x80), d.integer(-256), d.integer(0)))
    return d.times(d.times(halfFloat(d, d.half(d.integer(UNIT))), d.convert(scale)), d.convert(code))
  },
  doc: '256 codes of 6 bits in groups of 16, each with a scale of 8 bits (GGUF)',
}
