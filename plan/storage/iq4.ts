/** IQ4_NL and IQ4_XS of GGUF: codes of 4 bits are places in a table of 16 integers, which lie closer around 0. */
import { halfFloat, pairAt, tableOfBytes, type Decoder, type StorageFormat } from './decoder.ts'
import { nibbleOf } from './q4_0.ts'

const VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

const valueOf = <I, F>(d: Decoder<I, F>, code: I): F => d.convert(tableOfBytes(d, VALUES, code))

export const iq4_nl: StorageFormat = {
  elements: 32,
  bytes: 2 + 16,
  decode: (d, place) => d.times(halfFloat(d, d.half(d.integer(0))), valueOf(d, nibbleOf(d, place, 2))),
  doc: 'a scale in f16, then 32 codes of 4 bits of a table (GGUF)',
}

/** Of IQ4_XS: the upper 2 bits of the scales of 8 groups, their lower 4, and the codes. */
const [HIGH, LOW, CODES] = [2, 4, 8]

/** The scale of a group 0 .. 7, 6 bits less 32. */
function scaleOf<I, F>(d: Decoder<I, F>, group: I): I {
  const byte = d.byte(d.add(d.shiftRight(group, 1), d.integer(LOW)))
  const low = d.and(d.choose(d.and(group, 1), d.shiftRight(byte, 4), byte), 15)
  const high = pairAt(d, d.byte(d.add(d.shiftRight(group, 2), d.integer(HIGH))), group)
  return d.add(d.or(low, d.shiftLeft(high, 4)), d.integer(-32))
}

export const iq4_xs: StorageFormat = {
  elements: 256,
  bytes: CODES + 128,
  decode: (d, place) => {
    const group = d.shiftRight(place, 5)
    // each group has 16 bytes of its own
    const byte = d.byte(d.add(d.or(d.shiftLeft(group, 4), d.and(place, 15)), d.integer(CODES)))
    const code = d.and(d.choose(d.and(place, 16), d.shiftRight(byte, 4), byte), 15)
    return d.times(d.times(halfFloat(d, d.half(d.integer(0))), d.convert(scaleOf(d, group))), valueOf(d, code))
  },
  doc: 'a scale in f16, then 256 codes of 4 bits of a table in groups of 32, each with a scale of 6 bits (GGUF)',
}
