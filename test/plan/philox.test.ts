import { describe, expect, it } from 'vitest'
import { philox, uniformAt, uniformOf } from '../../plan/philox.ts'

// known answers of the Random123 library, philox4x32 with 10 rounds
const ANSWERS = [
  { key: [0, 0], counter: [0, 0, 0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    key: [0xffffffff, 0xffffffff],
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    key: [0xa4093822, 0x299f31d0],
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const

describe('philox', () => {
  it.each(ANSWERS)('key $key, counter $counter', ({ key, counter, words }) => {
    expect(philox(key, counter)).toEqual(words)
  })

  it('gives numbers above 0 and below 1', () => {
    expect(uniformOf(0)).toBeGreaterThan(0)
    expect(uniformOf(0xffffffff)).toBeLessThan(1)
    expect(uniformAt(0, 0, 0, 2)).toBe(((0xbc57ac4c >>> 9) + 0.5) / 2 ** 23)
  })

  it('gives numbers that f32 holds, the nearest to 1 too', () => {
    for (const word of [0, 1, 0x1ff, 0x200, 0x7fffffff, 0x80000000, 0xfffffe00, 0xffffffff])
      expect(Math.fround(uniformOf(word))).toBe(uniformOf(word))
  })
})
