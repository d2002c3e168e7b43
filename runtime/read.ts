/** Reads buffers back to the host, as tensors. */
import type { StorageType } from '../plan/plan.ts'
import type { Device, Part, Region } from './device.ts'
import { arrayOf, type HostData } from './tensors.ts'

export interface ReadRequest {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

/** The elements of each part, in order. */
export const regionsOf = (parts: readonly Part[]): readonly Region[] =>
  parts.map(({ buffer, offset, elements, bytes }) => ({ buffer, offset, bytes: elements * bytes }))

/** Reads tensors, by name. f16 becomes f32. */
export async function readBack(device: Device, tensors: readonly ReadRequest[]): Promise<Readonly<Record<string, HostData>>> {
  const read = await device.read(
    'reading weights',
    tensors.map(({ parts }) => regionsOf(parts)),
  )
  return Object.fromEntries(
    tensors.map(({ name, dtype, shape }, at): [string, HostData] => [name, { shape, data: arrayOf(dtype, read[at]) }]),
  )
}
