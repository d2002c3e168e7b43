/** Buffers of the CPU device: ranges of the shared memory. */
import type { DeviceBuffer, Region, WritableData } from '../device.ts'
import { DeviceError, OutOfMemoryError } from '../errors.ts'
import type { SharedMemory } from './memory.ts'
import type { Exclusive } from '../exclusive.ts'

export interface CpuBuffer extends DeviceBuffer {
  readonly label: string
  readonly address: number
  readonly isDestroyed: () => boolean
  /** The dispatch of a program that wrote it last, as an object of its own; null for the host, for a copy, and at first. */
  readonly lastWriter: () => object | null
  readonly setLastWriter: (writer: object | null) => void
}

type Place = Pick<Region, 'buffer' | 'offset'>

export const addressOf = ({ buffer, offset }: Place): number => (buffer as CpuBuffer).address + offset

/** Throws a DeviceError for a destroyed buffer: its memory may be another's. */
export function checkBuffers(what: string, buffers: Iterable<DeviceBuffer>): void {
  for (const buffer of buffers as Iterable<CpuBuffer>)
    if (buffer.isDestroyed()) throw new DeviceError(what, `the buffer ${buffer.label} is destroyed`)
}

/** Memory as buffers. What is destroyed is freed once the work under way is done: threads may write to it until then. */
export interface BufferMaker {
  /** Throws a LimitError or an OutOfMemoryError with the label. */
  readonly create: (label: string, bytes: number) => Promise<CpuBuffer>
  /** Bytes that can be allocated once the work under way is done. */
  readonly available: () => number
}

export function createBuffers(memory: SharedMemory, exclusive: Exclusive): BufferMaker {
  /** Bytes of destroyed buffers that are not yet free. */
  let ending = 0

  const allocate = async (label: string, bytes: number): Promise<number> => {
    try {
      return memory.allocate(label, bytes)
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || ending === 0) throw error
      return exclusive(async () => memory.allocate(label, bytes))
    }
  }
  const create: BufferMaker['create'] = async (label, bytes) => {
    const address = await allocate(label, bytes)
    let isDestroyed = false
    let writer: object | null = null
    const destroy = (): void => {
      if (isDestroyed) return
      isDestroyed = true
      ending += bytes
      void exclusive(async () => {
        ending -= bytes
        memory.free(address)
      })
    }
    return {
      label,
      address,
      destroy,
      isDestroyed: () => isDestroyed,
      lastWriter: () => writer,
      setLastWriter: (next) => (writer = next),
    }
  }
  return { create, available: () => memory.available() + ending }
}

/** Writes `count` elements from `start` of the data. */
export function writeBuffer(memory: SharedMemory, place: Place, data: WritableData, start: number, count: number): void {
  checkBuffers('writing', [place.buffer])
  ;(place.buffer as CpuBuffer).setLastWriter(null)
  const size = data.BYTES_PER_ELEMENT
  memory.bytes().set(new Uint8Array(data.buffer, data.byteOffset + start * size, count * size), addressOf(place))
}

/** A copy of the bytes of these regions, one after the other. */
export function readRegions(memory: SharedMemory, regions: readonly Region[]): ArrayBuffer {
  const bytes = new Uint8Array(regions.reduce((sum, region) => sum + region.bytes, 0))
  let end = 0
  for (const region of regions) {
    const from = addressOf(region)
    bytes.set(memory.bytes().subarray(from, from + region.bytes), end)
    end += region.bytes
  }
  return bytes.buffer
}
