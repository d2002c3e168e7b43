/** Q8_0 of GGUF: 32 integers of 8 bits, times a scale. */
import { halfFloat, type StorageFormat } from './decoder.ts'

const SCALE_BYTES = 2

export const q8_0: StorageFormat = {
  elements: 32,
  bytes: SCALE_BYTES + 32,
  decode: (d, place) => {
    const code = d.byte(d.add(place, d.integer(SCALE_BYTES)))
    const signed = d.add(code, d.choose(d.and(code, 0x80), d.integer(-256), d.integer(0)))
    return d.times(halfFloat(d, d.half(d.integer(0))), d.convert(signed))
  },
  doc: 'a scale in f16, then 32 signed bytes (GGUF)',
}
