/** Tensors on the host. */
import type { HostType, StorageType } from '../plan/plan.ts'
import type { WeightStorage } from '../plan/storage/formats.ts'
import { decodeElements } from '../plan/storage/host.ts'
import { dtypeRecord } from './checkpoint/dtypes.ts'

export type HostArray = Float32Array | Int32Array | Uint32Array

/** A tensor on the host, row-major. The class of the array is its dtype. */
export interface HostData {
  readonly shape: readonly number[]
  readonly data: HostArray
}

interface ArrayOf {
  readonly f32: Float32Array
  /** Converted: the host has no f16 array. */
  readonly f16: Float32Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
}

const MAKE: { readonly [T in StorageType]: (buffer: ArrayBuffer) => ArrayOf[T] } = {
  f32: (buffer) => new Float32Array(buffer),
  f16: (buffer) => dtypeRecord('F16').read!(buffer) as Float32Array,
  i32: (buffer) => new Int32Array(buffer),
  u32: (buffer) => new Uint32Array(buffer),
}

/** The elements in a buffer; f16 is converted to f32. */
export const arrayOf = (dtype: StorageType, buffer: ArrayBuffer): HostArray => MAKE[dtype](buffer)

/** The elements of a tensor as it lies on a device. */
export const valuesOf = (
  { dtype, storage, shape }: { readonly dtype: StorageType; readonly storage?: WeightStorage; readonly shape: readonly number[] },
  buffer: ArrayBuffer,
): HostArray =>
  storage === undefined ? arrayOf(dtype, buffer) : decodeElements(storage, new Uint8Array(buffer), elementCount(shape))

export function dtypeOf(data: unknown): HostType | null {
  if (data instanceof Float32Array) return 'f32'
  if (data instanceof Int32Array) return 'i32'
  return data instanceof Uint32Array ? 'u32' : null
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1)

export const showShape = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`
