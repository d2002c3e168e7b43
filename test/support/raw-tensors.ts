/** Safetensors files of bytes in any dtype. */
import { createRandom } from '../../cli/random.ts'
import { dtypeRecord, type DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import { headerBytes } from '../../runtime/checkpoint/encode.ts'
import { elementCount } from '../../runtime/tensors.ts'

export interface RawTensor {
  readonly dtype: DTypeName
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A file of these tensors, in their order. */
export function rawFile(tensors: Readonly<Record<string, RawTensor>>): Uint8Array {
  const infos = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => ({ name, dtype, shape, bytes: bytes.length }))
  return Uint8Array.from(Buffer.concat([headerBytes(infos), ...Object.values(tensors).map(({ bytes }) => bytes)]))
}

/** Random bytes below a limit. */
export function randomRaw(dtype: DTypeName, shape: readonly number[], seed: number, limit = 256): RawTensor {
  const random = createRandom(seed)
  const length = (elementCount(shape) * dtypeRecord(dtype).bits) / 8
  return { dtype, shape, bytes: Uint8Array.from({ length }, () => Math.floor(random() * limit)) }
}

export const rawFloats = (shape: readonly number[], values: readonly number[]): RawTensor => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
})
