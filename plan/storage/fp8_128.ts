/** FP8: 128 numbers of e4m3, times a scale in f32, that of the square of 128 x 128 which the row is in. */
import { leadingFloat, type Decoder, type StorageFormat } from './decoder.ts'

const SCALE_BYTES = 4

/** A number of e4m3 without infinities: 0x7f and 0xff are not numbers. */
function e4m3<I, F>(d: Decoder<I, F>, code: I): F {
  const size = d.and(code, 0x7f)
  const normal = d.add(d.shiftLeft(size, 20), d.integer((127 - 7) << 23))
  // a subnormal number becomes 2^-6 (1 + fraction), less 2^-6
  const small = d.plus(d.bits(d.add(d.shiftLeft(size, 20), d.integer((127 - 6) << 23))), d.float(-(2 ** -6)))
  const large = d.bits(d.choose(d.equal(size, 0x7f), d.integer(0x7fc00000), normal))
  const sign = d.bits(d.or(d.shiftLeft(d.and(code, 0x80), 24), d.integer(0x3f800000)))
  return d.times(d.chooseFloat(d.and(code, 0x78), large, small), sign)
}

export const fp8_128: StorageFormat = {
  elements: 128,
  bytes: SCALE_BYTES + 128,
  decode: (d, place) => {
    const scale = leadingFloat(d)
    return d.times(e4m3(d, d.byte(d.add(place, d.integer(SCALE_BYTES)))), scale)
  },
  doc: 'a scale in f32, then 128 numbers of e4m3',
}
