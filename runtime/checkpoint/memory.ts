import { CheckpointError } from '../errors.ts'
import type { HostData } from '../tensors.ts'
import { dtypeOf } from '../tensors.ts'
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import type { DTypeName } from './dtypes.ts'

const NAMES: Readonly<Record<string, DTypeName>> = { f32: 'F32', i32: 'I32', u32: 'U32' }

/** A checkpoint of arrays on the host, for weights that are made and not read. */
export function memoryCheckpoint(tensors: Readonly<Record<string, HostData>>, name = 'memory'): Checkpoint {
  const info = ([tensor, { shape, data }]: [string, HostData]): [string, TensorInfo] =>
    [tensor, { name: tensor, dtype: NAMES[dtypeOf(data)!], shape, bytes: data.byteLength }]
  return {
    name,
    tensors: new Map(Object.entries(tensors).map(info)),
    metadata: {},
    read: async (tensor, offset, length) => {
      const data = tensors[tensor]?.data
      if (data === undefined || offset + length > data.byteLength) throw new CheckpointError(name, `${tensor} has no ${length} bytes at ${offset}`)
      return new Uint8Array(data.buffer, data.byteOffset + offset, length)
    },
    close: async () => {},
  }
}
