import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dim, multiply, symbol, type Dim } from '../../plan/dim.ts'
import { assignSlots, type LiveRange } from '../../compiler/emit/memory.ts'
import { assertProperty } from '../support/property.ts'

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 5000 }).map((n) => dim(n)),
  fc.integer({ min: 1, max: 9 }).map((n) => multiply(symbol('T'), n)),
)

const lives: fc.Arbitrary<readonly LiveRange[]> = fc
  .array(fc.record({ elements: sizes, from: fc.nat(30), length: fc.nat(12) }), { maxLength: 40 })
  .map((all) => all.map(({ elements, from, length }, buffer) => ({ buffer, elements, dtype: 'f32', from, to: from + length })))

const meet = (a: LiveRange, b: LiveRange): boolean => a.from <= b.to && b.from <= a.to

test('buffers that live at one time never share a slot, and every slot is as large as what it holds', () => {
  assertProperty(
    fc.property(lives, (all) => {
      const { slots, placement } = assignSlots(all)
      expect(placement.map(({ buffer }) => buffer).toSorted((a, b) => a - b)).toEqual(all.map(({ buffer }) => buffer))
      const slotOf = new Map(placement.map(({ buffer, slot }) => [buffer, slot]))
      for (const [at, a] of all.entries()) {
        expect(slots[slotOf.get(a.buffer)!].bytes).toContain(multiply(a.elements, 4).key)
        for (const b of all.slice(at + 1)) if (meet(a, b)) expect(slotOf.get(a.buffer)).not.toBe(slotOf.get(b.buffer))
      }
    }),
  )
})

test('there are as few slots as buffers at the busiest step', () => {
  assertProperty(
    fc.property(lives, (all) => {
      const busiest = Math.max(0, ...all.map(({ from }) => all.filter((life) => life.from <= from && from <= life.to).length))
      expect(assignSlots(all).slots).toHaveLength(busiest)
    }),
  )
})

const life = (buffer: number, elements: Dim, from: number, to: number): LiveRange => ({
  buffer,
  elements,
  dtype: 'f32',
  from,
  to,
})

test('what is read in a step is not written over in it; of free slots the one nearest in size is taken', () => {
  const { slots, placement } = assignSlots([
    life(0, dim(8), 0, 1),
    life(1, dim(800), 0, 1),
    life(2, dim(16), 1, 2),
    life(3, dim(700), 2, 3),
    life(4, dim(10), 2, 3),
  ])
  expect(placement).toEqual([
    { buffer: 0, slot: 0 },
    { buffer: 1, slot: 1 },
    { buffer: 2, slot: 2 },
    { buffer: 3, slot: 1 },
    { buffer: 4, slot: 0 },
  ])
  expect(slots.map(({ bytes }) => bytes)).toEqual([['32', '40'], ['3200', '2800'], ['64']])
})
