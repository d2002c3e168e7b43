import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSafetensors } from '../support/safetensors.ts'
import { place } from './harness.ts'

const spec = (output: string): string => `model cut(D: int = 2) {
  input x: f32[B, D]
  output y = ${output}
}
`
const x = Buffer.concat([
  Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
  Buffer.from(`{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`.padEnd(117) + '\n'),
  new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer),
])
const run = (output: string, device: string) => {
  const { smoe, folder } = place({ 'cut.smoe': spec(output), 'x.npy': x })
  return { folder, result: smoe('run', 'cut.smoe', '--in', 'x=x.npy', '--device', device, '--out', 'y.safetensors') }
}

const REFUSED: readonly (readonly [output: string, why: string])[] = [
  ['x[3]', 'cut.smoe:3:14: the last index, 3, is outside an axis of B, with B = 3'],
  ['x[-4]', 'the first index, B + -4, is before the axis, with B = 3'],
  ['x[2:5]', 'the last index, 4, is outside an axis of B, with B = 3'],
  ['x[-4:]', 'the first index, B + -4, is before the axis, with B = 3'],
  ['x[4:]', 'the size B + -4 is below 0, with B = 3'],
  ['iota(B - 4)', 'the size B + -4 is below 0, with B = 3'],
]

test.each(REFUSED)(
  '%s leaves the axis of this run, and is refused on a device and on the reference',
  async (output, why) => {
    for (const device of ['reference', 'cpu']) {
      const { code, err } = await run(output, device).result
      expect(err).toContain(why)
      expect(code).toBe(2)
    }
  },
  60_000,
)

test.each([
  ['x[2]', [5, 6]],
  ['x[-3]', [1, 2]],
  ['x[1:3]', [3, 4, 5, 6]],
  ['x[3:]', []],
  ['x[::2]', [1, 2, 5, 6]],
  ['x[1::2]', [3, 4]],
])(
  '%s is within it',
  async (output, values) => {
    for (const device of ['reference', 'cpu']) {
      const { folder, result } = run(output, device)
      expect((await result).code, (await result).err).toBe(0)
      expect([...readSafetensors(join(folder, 'y.safetensors')).y.values]).toEqual(values)
    }
  },
  60_000,
)
