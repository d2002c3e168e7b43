import { expect, test } from 'vitest'
import { arrayData, tokenData } from '../../../training/data/arrays.ts'
import { parseNpy } from '../../../training/data/npy.ts'

/** A file as NumPy writes it. */
function npy(descr: string, shape: string, data: ArrayBufferView, { version = 1, order = 'False' } = {}): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`
  const start = version === 1 ? 10 : 12
  const length = Math.ceil((start + text.length + 1) / 64) * 64 - start
  const bytes = Buffer.alloc(start + length + data.byteLength, ' ')
  bytes.write('\x93NUMPY', 'latin1')
  bytes[6] = version
  bytes[7] = 0
  if (version === 1) bytes.writeUInt16LE(length, 8)
  else bytes.writeUInt32LE(length, 8)
  bytes.write(`${text}`, start)
  bytes[start + length - 1] = 10
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(bytes, start + length)
  return bytes
}

test('every type of whole numbers is read', () => {
  for (const [descr, data] of [
    ['|u1', Uint8Array.of(1, 2, 3)],
    ['|i1', Int8Array.of(1, 2, 3)],
    ['<u2', Uint16Array.of(1, 2, 3)],
    ['<i2', Int16Array.of(1, 2, 3)],
    ['<u4', Uint32Array.of(1, 2, 3)],
    ['<i4', Int32Array.of(1, 2, 3)],
    ['<i8', BigInt64Array.of(1n, 2n, 3n)],
  ] as const) {
    for (const version of [1, 2, 3]) {
      const found = tokenData(parseNpy(npy(descr, '(3,)', data, { version }), 'a.npy'), 'a.npy')
      expect(found).toEqual({ kind: 'stream', name: 'a.npy', tokens: Int32Array.of(1, 2, 3), vocabulary: null })
    }
  }
})

test('rows of tokens carry the one that follows', () => {
  const found = tokenData(parseNpy(npy('<u2', '(2, 3)', Uint16Array.of(1, 2, 3, 4, 5, 6)), 'a.npy'), 'a.npy')
  expect(found).toMatchObject({
    kind: 'rows',
    count: 2,
    columns: { tokens: Int32Array.of(1, 2, 4, 5), targets: Int32Array.of(2, 3, 5, 6) },
  })
})

test.each([
  [Buffer.from('hello, world'), 'a.npy: is not an .npy file'],
  [npy('<i4', '(3,)', Int32Array.of(1, 2)), 'a.npy: has 8 bytes of data, [3] of 32 bits needs 12'],
  [npy('>i4', '(1,)', Int32Array.of(1)), "a.npy: has elements of type '>i4'; supported are"],
  [npy('<i4', '(2, 2)', new Int32Array(4), { order: 'True' }), 'a.npy: is column-major'],
  [npy('<i4', 'x', new Int32Array(4)), 'a.npy: has a header that cannot be parsed'],
  [npy('<i4', `(${'1'.repeat(60)} L,)`, new Int32Array(1)), 'a.npy: has a header that cannot be parsed'],
  [npy('<i4', '(1,)', Int32Array.of(1), { version: 2 }).with(11, 127), 'a.npy: ends inside its header of '],
  [npy('<f4', '(2,)', new Float32Array(2)), 'a.npy: has floating-point values; tokens are integers'],
  [npy('<i4', '(1, 1, 1)', new Int32Array(1)), 'a.npy: is [1, 1, 1]; expected tokens [N], or rows [N, S + 1]'],
  [npy('<i8', '(2, 2)', BigInt64Array.of(0n, 1n, 5_000_000_000n, 2n)), 'a.npy: [1, 0] is 5000000000, which does not fit 32 bits'],
  [npy('<i4', '(1,)', Int32Array.of(1)).with(6, 9), 'a.npy: is an .npy file of version 9; versions 1 to 3 are supported'],
])('a bad file is refused', (bytes, message) => {
  expect(() => tokenData(parseNpy(bytes, 'a.npy'), 'a.npy')).toThrow(message)
})

const name = 'a.safetensors'

test('named arrays are fields', () => {
  const found = arrayData(
    { x: { shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) }, y: { shape: [2], data: BigInt64Array.of(7n, 8n) } },
    name,
  )
  expect(found).toEqual({
    kind: 'rows',
    name,
    count: 2,
    unit: 'row',
    places: Uint32Array.of(0, 1),
    fields: [
      { name: 'x', dtype: 'f32', shape: [2] },
      { name: 'y', dtype: 'i32', shape: [] },
    ],
    columns: { x: Float32Array.of(1, 2, 3, 4), y: Int32Array.of(7, 8) },
  })
  expect(arrayData({ ids: { shape: [3], data: Uint8Array.of(1, 2, 3) } }, name).kind).toBe('stream')
})

test.each([
  [{}, `${name}: has no arrays`],
  [
    { x: { shape: [2], data: Float32Array.of(1, 2) }, y: { shape: [3], data: Int32Array.of(1, 2, 3) } },
    `${name}: y has 3 rows, x has 2`,
  ],
  [{ x: { shape: [], data: Float32Array.of(1) } }, `${name}: x is a scalar`],
  [{ x: { shape: [1, 2], data: Float32Array.of(1, NaN) } }, `${name}: x[0, 1] is NaN, which is not finite in 32 bits`],
  [{ x: { shape: [1], data: Float64Array.of(1e300) } }, `${name}: x[0] is 1e+300, which is not finite in 32 bits`],
  [{ x: { shape: [0, 2], data: Float64Array.of() } }, `${name}: has no rows`],
  [
    { ids: { shape: [1, 2], data: BigInt64Array.of(0n, -(2n ** 40n)) } },
    `${name}: ids[0, 1] is -1099511627776, which does not fit 32 bits`,
  ],
])('arrays that are no examples are refused: %#', (arrays, message) => {
  expect(() => arrayData(arrays, name)).toThrow(message)
})
