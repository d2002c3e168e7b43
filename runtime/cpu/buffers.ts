/** Buffers of the CPU device: ranges of the shared memory. */
import type { DeviceBuffer, Region } from '../device.ts'
import type { SharedMemory } from './memory.ts'

export interface CpuBuffer extends DeviceBuffer {
  readonly address: number
}

export const addressOf = ({ buffer, offset }: Pick<Region, 'buffer' | 'offset'>): number => (buffer as CpuBuffer).address + offset

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
