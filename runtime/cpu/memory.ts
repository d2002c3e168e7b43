/** The memory that all threads share, and what is allocated of it. */
import { messageOf } from '../device.ts'
import { formatBytes, LimitError, OutOfMemoryError } from '../errors.ts'

/** Bytes of a page of WebAssembly. */
export const PAGE = 65536
/** All that 32-bit addresses reach. */
export const ADDRESS_SPACE = 2 ** 32
/** A cache line: two threads never write to one. */
const ALIGNMENT = 64
/** Kernels may read up to so many bytes before and behind a buffer, and use none of them. */
export const MARGIN = 64
/** Before everything that is allocated: the control words. */
const RESERVED = 1024

export interface SharedMemory {
  readonly memory: WebAssembly.Memory
  /** The address of so many bytes of zeros. Throws a LimitError or an OutOfMemoryError with the label. */
  readonly allocate: (label: string, bytes: number) => number
  readonly free: (address: number) => void
  /** Bytes that can still be allocated, in pieces. */
  readonly available: () => number
  readonly bytes: () => Uint8Array<SharedArrayBuffer>
}

interface Block {
  readonly from: number
  readonly to: number
}

const roundUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** What an allocation of so many bytes takes of the memory. */
export const blockBytes = (bytes: number): number => roundUp(bytes) + 2 * MARGIN

/** Reserves all addresses and takes a mebibyte. Throws an OutOfMemoryError where the platform has no room for the addresses. */
function reserve(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: ADDRESS_SPACE / PAGE, shared: true })
  } catch (error) {
    throw new OutOfMemoryError('the addresses of the cpu device', ADDRESS_SPACE, messageOf(error))
  }
}

export function createMemory(): SharedMemory {
  const memory = reserve()
  /** Address -> end of each block in use. */
  const used = new Map<number, number>()
  /** In order of their addresses, none beside another. */
  let free: Block[] = []
  /** Behind it nothing was ever allocated: it holds zeros. */
  let end = RESERVED
  // V8 freezes the buffer at each access: microseconds
  const viewAll = (): Uint8Array<SharedArrayBuffer> => new Uint8Array(memory.buffer as unknown as SharedArrayBuffer)
  let view = viewAll()
  const available = (): number => ADDRESS_SPACE - PAGE - end + free.reduce((sum, block) => sum + block.to - block.from, 0)

  const grow = (to: number, label: string, wanted: number): void => {
    const missing = Math.ceil(to / PAGE) - view.byteLength / PAGE
    if (missing <= 0) return
    try {
      memory.grow(missing)
      view = viewAll()
    } catch {
      throw new OutOfMemoryError(label, wanted, 'the platform gave WebAssembly no more memory')
    }
  }
  /** The smallest free block that is large enough. */
  const reuse = (size: number): Block | null => {
    let best: Block | null = null
    for (const block of free)
      if (block.to - block.from >= size && (best === null || block.to - block.from < best.to - best.from)) best = block
    return best
  }
  const allocate = (label: string, wanted: number): number => {
    const size = blockBytes(wanted)
    if (size > ADDRESS_SPACE - PAGE) throw new LimitError(label, '4 GiB of WebAssembly memory', wanted, ADDRESS_SPACE - PAGE)
    const block = reuse(size)
    if (block !== null) {
      free = free.flatMap((other) => {
        if (other !== block) return [other]
        return block.from + size < block.to ? [{ from: block.from + size, to: block.to }] : []
      })
      view.fill(0, block.from, block.from + size)
      used.set(block.from + MARGIN, block.from + size)
      return block.from + MARGIN
    }
    if (end + size > ADDRESS_SPACE - PAGE)
      throw new OutOfMemoryError(label, wanted, `WebAssembly addresses 4 GiB, of which ${formatBytes(available())} are free`)
    grow(end + size, label, wanted)
    const from = end
    end += size
    used.set(from + MARGIN, end)
    return from + MARGIN
  }
  const release = (address: number): void => {
    const to = used.get(address)
    if (to === undefined) return
    used.delete(address)
    const merged: Block[] = []
    for (const block of [...free, { from: address - MARGIN, to }].sort((a, b) => a.from - b.from)) {
      const last = merged.at(-1)
      if (last?.to === block.from) merged[merged.length - 1] = { from: last.from, to: block.to }
      else merged.push(block)
    }
    free = merged
  }
  return { memory, allocate, free: release, available, bytes: () => view }
}
