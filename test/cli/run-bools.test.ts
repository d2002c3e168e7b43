import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSafetensors } from '../support/safetensors.ts'
import { place } from './harness.ts'

const SPEC = `
model masked(D: int = 3) {
  input x: f32[T, D]
  input keep: bool[T, D]
  output y: f32[T, D] = where(keep, x, 0.0)
}
`
const npy = (descr: string, data: ArrayBufferView): Uint8Array =>
  Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(`{'descr': '${descr}', 'fortran_order': False, 'shape': (2, 3), }`.padEnd(117) + '\n'),
    new Uint8Array(data.buffer),
  ])

const there = () =>
  place({
    'masked.smoe': SPEC,
    'x.npy': npy('<f4', Float32Array.of(1, 2, 3, 4, 5, 6)),
    'bool.npy': npy('|b1', Uint8Array.of(1, 0, 1, 0, 1, 1)),
    'i64.npy': npy('<i8', BigInt64Array.of(1n, 0n, 1n, 0n, 1n, 1n)),
    'seven.npy': npy('|u1', Uint8Array.of(1, 0, 7, 0, 1, 1)),
  })

test.each(['bool.npy', 'i64.npy'])(
  'a bool input is read from %s, on a device and on the reference',
  async (keep) => {
    for (const device of ['reference', 'cpu']) {
      const { smoe, folder } = there()
      const { code, err } = await smoe(
        'run',
        'masked.smoe',
        '--in',
        'x=x.npy',
        '--in',
        `keep=${keep}`,
        '--device',
        device,
        '--out',
        'y.safetensors',
      )
      expect(code, err).toBe(0)
      expect([...readSafetensors(join(folder, 'y.safetensors')).y.values]).toEqual([1, 0, 3, 0, 5, 6])
    }
  },
  60_000,
)

test('a number that is neither 0 nor 1 is refused, as reals are', async () => {
  const refused = async (...args: readonly string[]): Promise<string> =>
    (await there().smoe('run', 'masked.smoe', '--in', 'x=x.npy', '--device', 'reference', ...args)).err
  expect(await refused('--in', 'keep=seven.npy')).toContain('seven.npy: element 2 is 7, and the input keep is bool: 0 or 1')
  expect(await refused('--in', 'keep=x.npy')).toContain('x.npy holds reals, ')
  expect(await refused()).toContain('missing input keep: bool[T, 3]')
})
