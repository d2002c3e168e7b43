import { expect, test } from 'vitest'
import { compareTensors } from '../../cli/run/compare.ts'
import { parseInput } from '../../cli/run/inputs.ts'
import { kernelTimes, profileTable } from '../../cli/run/profile.ts'
import { findTensor, readTensor } from '../../cli/run/tensors.ts'
import { parseSettings } from '../../cli/load.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'

const nowhere = (): boolean => false

test('an input names a file, and a tensor after the last colon', () => {
  expect(parseInput('tokens=a.safetensors', nowhere)).toEqual({ name: 'tokens', file: 'a.safetensors', tensor: null })
  expect(parseInput('tokens=dir:1/a.safetensors:ids', nowhere)).toEqual({
    name: 'tokens',
    file: 'dir:1/a.safetensors',
    tensor: 'ids',
  })
  expect(parseInput('tokens=odd:name', (file) => file === 'odd:name')).toEqual({ name: 'tokens', file: 'odd:name', tensor: null })
  expect(parseInput('tokens=C:\\a.safetensors', nowhere)).toMatchObject({ file: 'C:\\a.safetensors', tensor: null })
  expect(() => parseInput('tokens', nowhere)).toThrow("'tokens' names no input")
})

test('settings are numbers, truth values and words', () => {
  expect(parseSettings(['D=64', 'eps=1e-6', 'bias=true', 'act=gelu', 'name='])).toEqual({
    D: 64,
    eps: 1e-6,
    bias: true,
    act: 'gelu',
    name: '',
  })
  expect(() => parseSettings(['=3'])).toThrow("'=3' is not a setting")
})

const longs = (values: readonly bigint[]): Checkpoint => {
  const data = new Uint8Array(new BigInt64Array(values).buffer)
  const info = { name: 'ids', dtype: 'I64', shape: [values.length], bytes: data.length } as const
  return { name: 'file', tensors: new Map([['ids', info]]), metadata: {}, read: async () => data, close: async () => {} }
}

test('whole numbers of 64 bits are narrowed, and refused where they do not fit', async () => {
  const good = longs([1n, -2n, 2n ** 31n - 1n])
  expect(await readTensor(good, findTensor(good, { name: 'x' }, null), 'i32')).toEqual({
    shape: [3],
    data: Int32Array.of(1, -2, 2 ** 31 - 1),
  })
  const bad = longs([1n, 2n ** 31n])
  await expect(readTensor(bad, findTensor(bad, { name: 'x' }, null), 'i32')).rejects.toThrow(
    "tensor 'ids': element 1 is 2147483648, which does not fit i32",
  )
  await expect(readTensor(good, findTensor(good, { name: 'x' }, null), 'f32')).rejects.toThrow('is I64, f32 is needed')
})

test('a tensor is found as named, as the namesake, or as the only one', () => {
  const one = { shape: [1], data: Float32Array.of(1) }
  const two = memoryCheckpoint({ x: one, hidden: one }, 'two')
  expect(findTensor(two, { name: 'x' }, null).name).toBe('x')
  expect(findTensor(two, { name: 'x' }, 'hidden').name).toBe('hidden')
  expect(() => findTensor(two, { name: 'y' }, 'hiden')).toThrow("two has no tensor 'hiden'")
  expect(findTensor(memoryCheckpoint({ only: one }), { name: 'x' }, null).name).toBe('only')
  expect(() => findTensor(memoryCheckpoint({ only: one }), { name: 'x' }, 'x')).toThrow("no tensor 'x'")
})

test('differences count what is not finite as infinite', () => {
  const tensor = (...values: readonly number[]): { shape: readonly number[]; data: Float32Array } => ({
    shape: [2, values.length / 2],
    data: Float32Array.from(values),
  })
  expect(compareTensors('y', tensor(1, 2, 4, 3), tensor(1, 2, 4, 3))).toEqual({
    name: 'y',
    relativeL2: 0,
    largest: 0,
    argmax: { equal: 2, rows: 2 },
  })
  const off = compareTensors('y', tensor(3, 2, 4, 3), tensor(1, 2, 4, 3))
  expect(off.relativeL2).toBeCloseTo(2 / Math.sqrt(30))
  expect(off.argmax).toEqual({ equal: 1, rows: 2 })
  expect(compareTensors('y', tensor(NaN, 2, 4, 3), tensor(1, 2, 4, 3)).relativeL2).toBe(Infinity)
  expect(compareTensors('y', tensor(1, 0), tensor(0, 0)).relativeL2).toBe(Infinity)
  expect(
    compareTensors('y', { shape: [0, 4], data: new Float32Array() }, { shape: [0, 4], data: new Float32Array() }),
  ).toMatchObject({ relativeL2: 0 })
})

test('the same part of different layers is one row', () => {
  const step = (label: string, nanoseconds: number): Parameters<typeof kernelTimes>[0][number] => ({
    label,
    kernel: 'k',
    template: 't',
    workgroups: 1,
    nanoseconds,
  })
  const times = kernelTimes([step('layers.0/a: sum', 1e6), step('b: sum', 2e6), step('layers.11/a: sum', 1e6)])
  expect(times).toEqual([
    { computes: 'layers.*/a: sum', template: 't', dispatches: 2, milliseconds: 2, share: 0.5 },
    { computes: 'b: sum', template: 't', dispatches: 1, milliseconds: 2, share: 0.5 },
  ])
  expect(profileTable(times)).toBe(
    'computes         template  dispatches    ms   share\n' +
      'layers.*/a: sum  t                  2  2.00  50.0 %\n' +
      'b: sum           t                  1  2.00  50.0 %\n' +
      'in all                              3  4.00\n',
  )
})
