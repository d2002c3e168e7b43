/** bf16: the upper half of an f32. */
import type { StorageFormat } from './decoder.ts'

export const bf16: StorageFormat = {
  elements: 1,
  bytes: 2,
  decode: (d) => d.bits(d.shiftLeft(d.half(d.integer(0)), 16)),
  doc: 'the upper half of an f32',
}
