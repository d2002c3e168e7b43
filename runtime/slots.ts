/**
 * Scratch memory that execution instances share. The queue lock lets one instance run at a time, so they can use the same
 * buffers.
 */
import type { Device, DeviceBuffer } from './device.ts'
import { settleAll } from './settle-all.ts'

export interface Slots {
  /** Distinct buffers of at least these sizes, in bytes. Throws an OutOfMemoryError, and frees what it allocated. */
  readonly take: (sizes: readonly number[], label: string) => Promise<SlotLease>
}

export interface SlotLease {
  readonly buffers: readonly DeviceBuffer[]
  /** Returns the buffers; those without users are destroyed. Further calls do nothing. */
  readonly release: () => void
}

interface Slot {
  readonly size: number
  readonly made: Promise<DeviceBuffer>
  buffer: DeviceBuffer | null
  users: number
}

export function createSlots(device: Device): Slots {
  const slots = new Set<Slot>()

  const create = (size: number, label: string): Slot => {
    const made = device.createStorage(label, size)
    const slot: Slot = { size, made, buffer: null, users: 0 }
    made.then(
      (buffer) => (slot.buffer = buffer),
      () => {},
    )
    slots.add(slot)
    return slot
  }

  /** The smallest slot that is large enough, or a new one. */
  const choose = (size: number, label: string, others: ReadonlySet<Slot>): Slot => {
    let best: Slot | null = null
    for (const slot of slots) if (slot.size >= size && !others.has(slot) && (best === null || slot.size < best.size)) best = slot
    best ??= create(size, label)
    best.users++
    return best
  }

  const releaseSlot = (slot: Slot): void => {
    if (--slot.users > 0) return
    slots.delete(slot)
    slot.buffer?.destroy()
  }

  const take: Slots['take'] = async (sizes, label) => {
    const chosen: Slot[] = []
    const leased = new Set<Slot>()
    // the largest first, so that a small request does not take a large slot
    for (const at of [...sizes.keys()].sort((a, b) => sizes[b] - sizes[a] || a - b)) {
      chosen[at] = choose(sizes[at], `scratch slot ${at} of ${label}`, leased)
      leased.add(chosen[at])
    }
    const release = (): void => {
      leased.forEach(releaseSlot)
      leased.clear()
    }
    try {
      return { buffers: await settleAll(chosen.map(({ made }) => made)), release }
    } catch (error) {
      release()
      throw error
    }
  }

  return { take }
}
