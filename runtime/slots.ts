/** Scratch memory that frames share: what runs on a device takes turns, so no two frames are at work at once. */
import { createStorage, settle } from './buffers.ts'
import type { Device } from './device.ts'

export interface Slots {
  /** A buffer of at least each size, in bytes, all different. Throws an OutOfMemoryError, leaving nothing behind. */
  readonly take: (sizes: readonly number[], label: string) => Promise<SlotLease>
}

export interface SlotLease {
  readonly buffers: readonly GPUBuffer[]
  /** Gives them back, once; what no frame uses any more is destroyed. */
  readonly release: () => void
}

interface Slot {
  readonly size: number
  readonly made: Promise<GPUBuffer>
  buffer: GPUBuffer | null
  users: number
}

export function createSlots(device: Device): Slots {
  const slots = new Set<Slot>()

  const create = (size: number, label: string): Slot => {
    const made = createStorage(device, label, size)
    const slot: Slot = { size, made, buffer: null, users: 0 }
    made.then(
      (buffer) => (slot.buffer = buffer),
      () => {},
    )
    slots.add(slot)
    return slot
  }

  /** The smallest that holds it, or a new one. */
  const choose = (size: number, label: string, others: ReadonlySet<Slot>): Slot => {
    let best: Slot | null = null
    for (const slot of slots) if (slot.size >= size && !others.has(slot) && (best === null || slot.size < best.size)) best = slot
    best ??= create(size, label)
    best.users++
    return best
  }

  const leave = (slot: Slot): void => {
    if (--slot.users > 0) return
    slots.delete(slot)
    slot.buffer?.destroy()
  }

  const take: Slots['take'] = async (sizes, label) => {
    const chosen: Slot[] = []
    const taken = new Set<Slot>()
    // the largest first, so that a small one does not take the room of a large one
    for (const at of [...sizes.keys()].sort((a, b) => sizes[b] - sizes[a] || a - b)) {
      chosen[at] = choose(sizes[at], `scratch slot ${at} of ${label}`, taken)
      taken.add(chosen[at])
    }
    const release = (): void => {
      taken.forEach(leave)
      taken.clear()
    }
    try {
      return { buffers: await settle(chosen.map(({ made }) => made)), release }
    } catch (error) {
      release()
      throw error
    }
  }

  return { take }
}
