import { expect, test } from 'vitest'
import { createMemory } from '../../../runtime/cpu/memory.ts'
import { createOwnMemory } from '../../../runtime/cpu/own-memory.ts'
import { LimitError } from '../../../runtime/errors.ts'

test('the memory of the threads grows, and what was too small is freed', () => {
  const memory = createMemory()
  const before = memory.available()
  const own = createOwnMemory(memory, 4)
  const small = own.reserve(100)
  expect(own.reserve(4000)).toEqual(small)
  const { base, stride } = own.reserve(5000)
  expect(stride).toBe(8192)
  expect(before - memory.available()).toBe(4 * stride + 128)
  expect(base % 64).toBe(0)
})

test('after a refusal, no program is given memory that was freed', () => {
  const memory = createMemory()
  const own = createOwnMemory(memory, 4)
  own.reserve(100)
  expect(() => own.reserve(2 ** 30)).toThrow(LimitError)
  const other = memory.allocate('other', 16384)
  const { base, stride } = own.reserve(100)
  expect(base >= other + 16384 || base + 4 * stride <= other).toBe(true)
})
