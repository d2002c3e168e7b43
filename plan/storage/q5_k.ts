/** Q5_K of GGUF: 256 integers of 5 bits; scales and offsets of each 32 as in Q4_K, the fifth bits in bytes of their own. */
import { bitAt, type StorageFormat } from './decoder.ts'
import { fourBits, scaledGroup } from './q4_k.ts'

/** Scales take what they take in Q4_K; then the fifth bits, then the lower ones. */
const [HIGH, LOW] = [16, 48]

export const q5_k: StorageFormat = {
  elements: 256,
  bytes: LOW + 128,
  decode: (d, place) => {
    const group = d.shiftRight(place, 5)
    const high = bitAt(d, d.byte(d.add(d.and(place, 31), d.integer(HIGH))), group)
    return scaledGroup(d, group, d.or(fourBits(d, place, LOW), d.shiftLeft(high, 4)))
  },
  doc: '256 codes of 5 bits in groups of 32, each with a scale and an offset of 6 bits (GGUF)',
}
