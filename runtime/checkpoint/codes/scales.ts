/** Scales of a file as f32. */
import type { TensorInfo } from '../checkpoint.ts'
import { DTYPES, type DTypeName } from '../dtypes.ts'
import type { ReadRange } from './scheme.ts'

export const SCALE_TYPES = ['F32', 'BF16', 'F16'] as const satisfies readonly DTypeName[]

/** Scales `first` .. `end` - 1. */
export async function readScales(tensor: TensorInfo, first: number, end: number, read: ReadRange): Promise<Float32Array> {
  const { bits, read: decode } = DTYPES[tensor.dtype as (typeof SCALE_TYPES)[number]]
  const size = bits / 8
  const bytes = await read(tensor.name, first * size, (end - first) * size)
  return decode(bytes.slice().buffer as ArrayBuffer)
}
