/** Reads buffers back to the host, as tensors. */
import type { StorageType } from '../plan/plan.ts'
import type { WeightStorage } from '../plan/storage/formats.ts'
import type { Device, Part, Region } from './device.ts'
import { valuesOf, type HostData } from './tensors.ts'

export interface ReadRequest {
  readonly name: string
  readonly dtype: StorageType
  readonly storage?: WeightStorage
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

/** The elements of each part, in order. */
export const regionsOf = (parts: readonly Part[]): readonly Region[] =>
  parts.map(({ buffer, offset, contents }) => ({ buffer, offset, bytes: contents }))

/** Reads tensors, by name. f16, and what weights are stored as, becomes f32. */
export async function readBack(device: Device, tensors: readonly ReadRequest[]): Promise<Readonly<Record<string, HostData>>> {
  const read = await device.read(
    'reading weights',
    tensors.map(({ parts }) => regionsOf(parts)),
  )
  return Object.fromEntries(
    tensors.map((tensor, at): [string, HostData] => [tensor.name, { shape: tensor.shape, data: valuesOf(tensor, read[at]) }]),
  )
}
