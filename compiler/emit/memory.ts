/** Buffer assignment: scratch buffers whose live ranges do not overlap share a slot. */
import { evaluate, multiply, symbolsOf, type Dim } from '../../plan/dim.ts'
import { BYTES, type Program, type StorageType } from '../../plan/plan.ts'

export interface LiveRange {
  readonly buffer: number
  readonly elements: Dim
  readonly dtype: StorageType
  /** First step that writes it, last step that reads it. */
  readonly from: number
  readonly to: number
}

/** The value of a symbol when sizes are compared; it affects which slots are shared, never correctness. */
const TYPICAL = 64

const estimate = (dim: Dim): number => evaluate(dim, Object.fromEntries(symbolsOf(dim).map((name) => [name, TYPICAL])))

interface Slot {
  readonly bytes: Set<string>
  estimate: number
  freeAfter: number
}

/** A slot is free after the last step that reads it: no step reads and writes the same slot. */
export function assignSlots(lives: readonly LiveRange[]): Pick<Program, 'slots' | 'placement'> {
  const slots: Slot[] = []
  const placement = [...lives]
    .sort((a, b) => a.from - b.from || a.buffer - b.buffer)
    .map(({ buffer, elements, dtype, from, to }) => {
      const bytes = multiply(elements, BYTES[dtype])
      const size = estimate(bytes)
      let best = -1
      slots.forEach((slot, at) => {
        if (slot.freeAfter < from && (best < 0 || Math.abs(slot.estimate - size) < Math.abs(slots[best].estimate - size)))
          best = at
      })
      if (best < 0) best = slots.push({ bytes: new Set(), estimate: 0, freeAfter: -1 }) - 1
      const slot = slots[best]
      slot.bytes.add(bytes.key)
      slot.estimate = Math.max(slot.estimate, size)
      slot.freeAfter = to
      return { buffer, slot: best }
    })
  return { slots: slots.map((slot) => ({ bytes: [...slot.bytes] })), placement }
}
