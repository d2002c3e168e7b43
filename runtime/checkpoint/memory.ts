import { CheckpointError } from '../errors.ts'
import type { HostData } from '../tensors.ts'
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import { fileType, tensorBytes } from './encode.ts'

/** A checkpoint of arrays on the host, for weights that are made and not read. */
export function memoryCheckpoint(tensors: Readonly<Record<string, HostData>>, name = 'memory'): Checkpoint {
  const info = ([tensor, data]: [string, HostData]): [string, TensorInfo] => [
    tensor,
    { name: tensor, dtype: fileType(data), shape: data.shape, bytes: data.data.byteLength },
  ]
  return {
    name,
    tensors: new Map(Object.entries(tensors).map(info)),
    metadata: {},
    read: async (tensor, offset, length) => {
      const bytes = Object.hasOwn(tensors, tensor) ? tensorBytes(tensors[tensor]) : null
      if (bytes === null || offset + length > bytes.length)
        throw new CheckpointError(name, `${tensor} has no ${length} bytes at ${offset}`)
      return bytes.subarray(offset, offset + length)
    },
    close: async () => {},
  }
}
