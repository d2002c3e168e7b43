/** Q4_1 of GGUF: 32 integers of 4 bits, times a scale, plus an offset. */
import { halfFloat, type StorageFormat } from './decoder.ts'
import { nibbleOf } from './q4_0.ts'

const CODES = 4

export const q4_1: StorageFormat = {
  elements: 32,
  bytes: CODES + 16,
  decode: (d, place) => {
    const code = nibbleOf(d, place, CODES)
    const scaled = d.times(halfFloat(d, d.half(d.integer(0))), d.convert(code))
    return d.plus(scaled, halfFloat(d, d.half(d.integer(2))))
  },
  doc: 'a scale and an offset in f16, then 32 codes of 4 bits (GGUF)',
}
