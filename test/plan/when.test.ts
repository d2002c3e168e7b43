import { expect, it } from 'vitest'
import { firstThatHolds } from '../../plan/when.ts'

const decode = { when: { dim: 'B*S', atMost: 8 } }
const others = { when: null }

it.each([
  [[decode, others], { B: 2, S: 4 }, decode],
  [[decode, others], { B: 3, S: 3 }, others],
  [[decode], { B: 9, S: 1 }, undefined],
])('is the first program whose condition holds', (programs, dims, expected) => {
  expect(firstThatHolds(programs, dims)).toBe(expected)
})
