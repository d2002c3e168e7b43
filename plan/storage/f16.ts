/** f16: IEEE 754 binary16. */
import { halfFloat, type StorageFormat } from './decoder.ts'

export const f16: StorageFormat = {
  elements: 1,
  bytes: 2,
  decode: (d) => halfFloat(d, d.half(d.integer(0))),
  doc: 'IEEE 754 binary16',
}
