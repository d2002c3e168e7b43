import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createMemory } from '../../../runtime/cpu/memory.ts'
import { LimitError, OutOfMemoryError } from '../../../runtime/errors.ts'
import { assertProperty } from '../../support/property.ts'

const action = fc.oneof(
  fc.record({ kind: fc.constant('allocate' as const), bytes: fc.integer({ min: 0, max: 300_000 }) }),
  fc.record({ kind: fc.constant('free' as const), which: fc.nat() }),
)

test('blocks in use never overlap, keep 64 bytes around them, and begin as zeros', () => {
  const shared = createMemory()
  assertProperty(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const blocks: { readonly address: number; readonly bytes: number }[] = []
      for (const step of actions) {
        if (step.kind === 'free') {
          const [block] = blocks.splice(step.which % Math.max(1, blocks.length), 1)
          if (block !== undefined) shared.free(block.address)
          continue
        }
        const address = shared.allocate('a block', step.bytes)
        expect(address % 64).toBe(0)
        expect(address - 64).toBeGreaterThanOrEqual(1024)
        expect(address + step.bytes + 64).toBeLessThanOrEqual(shared.bytes().length)
        expect(
          shared
            .bytes()
            .subarray(address, address + step.bytes)
            .every((byte) => byte === 0),
        ).toBe(true)
        for (const other of blocks)
          expect(address + step.bytes + 64 <= other.address || other.address + other.bytes + 64 <= address).toBe(true)
        shared.bytes().fill(0xff, address, address + step.bytes)
        blocks.push({ address, bytes: step.bytes })
      }
      blocks.forEach(({ address }) => shared.free(address))
    }),
    60,
  )
})

test('what was freed is used again', () => {
  const shared = createMemory()
  const before = shared.available()
  const addresses = Array.from({ length: 100 }, () => shared.allocate('a block', 1000))
  addresses.forEach(shared.free)
  expect(shared.available()).toBe(before)
  expect(addresses).toContain(shared.allocate('a block', 1000))
  // neighbours are one block again
  expect(shared.allocate('a larger block', 80_000)).toBeLessThan(Math.max(...addresses))
})

test('more than 32-bit addresses reach is refused before anything is allocated', () => {
  const shared = createMemory()
  const before = shared.memory.buffer.byteLength
  expect(() => shared.allocate('weights', 2 ** 32)).toThrow(LimitError)
  expect(() => shared.allocate('weights', 2 ** 32)).toThrow(/weights.*4 GiB of WebAssembly memory/)
  expect(shared.memory.buffer.byteLength).toBe(before)
})

test('a platform without room for the addresses is told so', () => {
  class Refusing {
    constructor() {
      throw new RangeError('could not allocate memory')
    }
  }
  vi.stubGlobal('WebAssembly', { ...WebAssembly, Memory: Refusing })
  expect(createMemory).toThrow(OutOfMemoryError)
  vi.unstubAllGlobals()
  expect(createMemory).not.toThrow()
})

test('there is memory behind the last block too', () => {
  const shared = createMemory()
  const bytes = shared.bytes().length - 1024 - 64
  const address = shared.allocate('up to the end', bytes)
  expect(address + bytes + 64).toBeLessThanOrEqual(shared.bytes().length)
})
