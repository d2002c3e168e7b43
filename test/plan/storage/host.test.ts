/** Decodes on the host: each bit pattern of a format of 16 bits, against typed arrays. */
import { expect, it } from 'vitest'
import { decodeElements } from '../../../plan/storage/host.ts'
import { dtypeRecord } from '../../../runtime/checkpoint/dtypes.ts'

const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits)

it.each([
  ['bf16', 'BF16'],
  ['f16', 'F16'],
] as const)('decodes every number of %s', (format, dtype) => {
  const decoded = decodeElements({ format }, new Uint8Array(every.buffer), every.length)
  const expected = dtypeRecord(dtype).read!(every.buffer) as Float32Array
  expect(decoded.findIndex((value, at) => !Object.is(value, expected[at]))).toBe(-1)
})
