/** Numbers of bf16, each the nearest: the upper half of an f32. A number beyond the largest becomes infinite. */
import { DTYPES } from '../../../runtime/checkpoint/dtypes.ts'
import { brainBytes } from '../../../runtime/checkpoint/half.ts'
import { elementCount } from '../../../runtime/tensors.ts'
import { createErrorMeter } from './error.ts'
import type { Encoder } from './encoder.ts'

export const bf16Encoder: Encoder = {
  files: (name, shape) => [{ info: { name, dtype: 'BF16', shape, bytes: 2 * elementCount(shape) } }],
  encode({ values }) {
    const bytes = brainBytes(values)
    const meter = createErrorMeter()
    DTYPES.BF16.read(bytes.slice().buffer as ArrayBuffer).forEach((meant, at) => meter.add(values[at], meant))
    return { bytes: [bytes], error: meter.sums() }
  },
}
