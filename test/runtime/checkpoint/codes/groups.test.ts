/** Integers and FP8 with scales of groups, against loops over the layouts that compressed-tensors publishes. */
import { describe, expect, test } from 'vitest'
import type { Checkpoint } from '../../../../runtime/checkpoint/checkpoint.ts'
import { openSafetensors } from '../../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../../runtime/checkpoint/source.ts'
import { readTensor } from '../../../../runtime/checkpoint/tensor.ts'
import { createRandom } from '../../../../cli/random.ts'
import { randomRaw, rawFile, rawFloats, type RawTensor } from '../../../support/raw-tensors.ts'

type Raw = Readonly<Record<string, RawTensor>>

const opened = (tensors: Raw): Promise<Checkpoint> => openSafetensors(bytesSource(rawFile(tensors), 'w.safetensors'))

/** A weight as numbers, and what is stored of it. */
interface Made {
  readonly tensors: Raw
  readonly values: readonly number[]
}

interface Options {
  readonly bits: 4 | 8
  readonly rows: number
  readonly columns: number
  /** 0 for rows. */
  readonly group: number
  readonly hasZeros: boolean
  readonly isPacked: boolean
}

/** Words of codes, the first in the lowest bits. */
function wordsOf(codes: readonly number[], bits: number): readonly number[] {
  const words = Array.from({ length: Math.ceil((codes.length * bits) / 32) }, () => 0)
  codes.forEach((code, at) => (words[Math.floor((at * bits) / 32)] |= code << ((at * bits) % 32)))
  return words
}

const raw = (dtype: 'I32' | 'I8', shape: readonly number[], values: readonly number[]): RawTensor => ({
  dtype,
  shape,
  bytes: new Uint8Array((dtype === 'I32' ? Int32Array.from(values) : Int8Array.from(values)).buffer),
})

const sizesOf = (...sizes: readonly number[]): RawTensor => ({
  dtype: 'I64',
  shape: [sizes.length],
  bytes: new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer),
})

function made({ bits, rows, columns, group, hasZeros, isPacked }: Options): Made {
  const random = createRandom(bits + rows + columns)
  const below = (limit: number): number => Math.floor(random() * limit)
  const offset = 2 ** (bits - 1)
  const groups = group === 0 ? 1 : Math.ceil(columns / group)
  const codes = Array.from({ length: rows }, () => Array.from({ length: columns }, () => below(2 * offset)))
  const zeros = Array.from({ length: rows }, () => Array.from({ length: groups }, () => (hasZeros ? below(2 * offset) : offset)))
  const scales = Array.from({ length: rows * groups }, () => Math.fround(random()))
  const groupOf = (column: number): number => (group === 0 ? 0 : Math.floor(column / group))
  const values = codes.flatMap((line, row) =>
    line.map((code, column) => Math.fround((code - zeros[row][groupOf(column)]) * scales[row * groups + groupOf(column)])),
  )
  const scale = { 'a.weight_scale': rawFloats([rows, groups], scales) }
  const signed = (lists: readonly (readonly number[])[]): readonly number[] => lists.flat().map((code) => code - offset)
  if (!isPacked) {
    const zero: Raw = hasZeros ? { 'a.weight_zero_point': raw('I8', [rows, groups], signed(zeros)) } : {}
    return { tensors: { 'a.weight': raw('I8', [rows, columns], signed(codes)), ...scale, ...zero }, values }
  }
  const lines = codes.map((line) => wordsOf(line, bits))
  const stacks = Array.from({ length: groups }, (_, at) =>
    wordsOf(
      zeros.map((line) => line[at]),
      bits,
    ),
  )
  const words = stacks[0].map((_, at) => stacks.map((stack) => stack[at]))
  const zero: Raw = hasZeros ? { 'a.weight_zero_point': raw('I32', [words.length, groups], words.flat()) } : {}
  const packed = raw('I32', [rows, lines[0].length], lines.flat())
  return { tensors: { 'a.weight_packed': packed, ...scale, 'a.weight_shape': sizesOf(rows, columns), ...zero }, values }
}

const CASES = [
  [4, 5, 64, 32, 32],
  [4, 9, 300, 128, 128],
  [4, 17, 70, 32, 32],
  [4, 3, 200, 64, 32],
  [4, 3, 130, 0, 128],
  [4, 2, 20, 0, 32],
  [8, 5, 96, 32, 32],
  [8, 6, 257, 0, 128],
  [8, 3, 400, 256, 128],
] as const

const both = [true, false]

describe.each(both)('packed: %s', (isPacked) => {
  describe.each(both)('with zero points: %s', (hasZeros) => {
    test.each(CASES.filter(([bits]) => isPacked || bits === 8))(
      '%i bits of [%i, %i] in groups of %i lie in blocks of %i',
      async (bits, rows, columns, group, block) => {
        const { tensors, values } = made({ bits, rows, columns, group, hasZeros, isPacked })
        const checkpoint = await opened(tensors)
        expect([...checkpoint.tensors.values()]).toMatchObject([
          { name: 'a.weight', dtype: `${hasZeros ? 'uint' : 'int'}${bits}_${block}`, shape: [rows, columns] },
        ])
        expect([...(await readTensor(checkpoint, 'a.weight')).data]).toEqual(values)
        const { bytes } = checkpoint.tensors.get('a.weight')!
        const whole = await checkpoint.read('a.weight', 0, bytes)
        const from = Math.floor(bytes / 3)
        expect(await checkpoint.read('a.weight', from, bytes - from)).toEqual(whole.subarray(from))
      },
    )
  })
})

describe('FP8', () => {
  test.each([
    ['a row', [3, 1], (row: number) => row],
    ['groups', [3, 2], (row: number, column: number) => 2 * row + Math.floor(column / 128)],
    ['all', [1], () => 0],
    ['squares', [1, 2], (_: number, column: number) => Math.floor(column / 128)],
  ] as const)('with scales for %s', async (_, shape, scaleOf) => {
    const codes = randomRaw('F8_E4M3', [3, 200], 3, 120)
    const scales = Array.from({ length: shape.reduce<number>((all, size) => all * size, 1) }, (_scale, at) => 2 ** at)
    const checkpoint = await opened({ 'a.weight': codes, 'a.weight_scale': rawFloats(shape, scales) })
    const { data } = await readTensor(checkpoint, 'a.weight')
    const numbers = [...codes.bytes].map((code) => (code < 8 ? code * 2 ** -9 : (8 + (code & 7)) * 2 ** ((code >> 3) - 10)))
    expect([...data]).toEqual(numbers.map((number, at) => number * scales[scaleOf(Math.floor(at / 200), at % 200)]))
  })
})

describe('is refused', () => {
  const packed = made({ bits: 4, rows: 5, columns: 64, group: 32, hasZeros: true, isPacked: true }).tensors
  const plain = made({ bits: 8, rows: 5, columns: 64, group: 32, hasZeros: true, isPacked: false }).tensors
  const refusals: readonly (readonly [title: string, tensors: Raw, message: string])[] = [
    [
      'no scales',
      { 'a.weight_packed': packed['a.weight_packed'] },
      "'a.weight_packed' has codes, and the file has no 'a.weight_scale'",
    ],
    [
      'no codes',
      { 'a.weight_scale': packed['a.weight_scale'] },
      "'a.weight_scale' has no codes beside it: pack-quantized has I32",
    ],
    [
      'a zero point alone',
      { 'a.weight_zero_point': plain['a.weight_zero_point'] },
      "'a.weight_zero_point' has no codes beside it: int-quantized has I8 in 'a.weight'",
    ],
    [
      'a shape of more rows',
      { ...packed, 'a.weight_shape': sizesOf(6, 64) },
      "'a.weight_packed' has the shape [5, 8], which are no codes of 4 or 8 bits for [6, 64]",
    ],
    ['a shape of more columns', { ...packed, 'a.weight_shape': sizesOf(5, 65) }, 'are no codes of 4 or 8 bits for [5, 65]'],
    ['a negative shape', { ...packed, 'a.weight_shape': sizesOf(5, -64) }, 'are no codes of 4 or 8 bits for [5, -64]'],
    ['a huge shape', { ...packed, 'a.weight_shape': sizesOf(5, 2 ** 52) }, 'are no codes of 4 or 8 bits'],
    ['a shape of one axis', { ...packed, 'a.weight_shape': sizesOf(320) }, "'a.weight_shape' has 1 sizes, not 2"],
    [
      'a row that may be of either',
      { ...packed, 'a.weight_packed': raw('I32', [5, 1], [1, 2, 3, 4, 5]), 'a.weight_shape': sizesOf(5, 4) },
      'are no codes of 4 or 8 bits for [5, 4]',
    ],
    [
      'groups of another length',
      { ...packed, 'a.weight_scale': rawFloats([5, 3], Array<number>(15).fill(1)) },
      "'a.weight_scale' has the shape [5, 3], and not that of groups of 32, 64, 128 or more",
    ],
    [
      'too few zero points',
      { ...packed, 'a.weight_zero_point': raw('I32', [1, 1], [0]) },
      "'a.weight_zero_point' has the shape [1, 1], not [1, 2]",
    ],
    [
      'zero points of another shape',
      { ...plain, 'a.weight_zero_point': raw('I8', [5, 1], [0, 0, 0, 0, 0]) },
      "'a.weight_zero_point' has the shape [5, 1], not [5, 2]: a zero point for each of 'a.weight_scale'",
    ],
    [
      'columns in another order',
      { ...packed, 'a.weight_g_idx': raw('I32', [64], Array<number>(64).fill(0)) },
      "'a.weight_g_idx' puts columns into groups in an order of its own",
    ],
    [
      'short groups of FP8',
      {
        'a.weight': randomRaw('F8_E4M3', [2, 96], 1, 100),
        'a.weight_scale': rawFloats([2, 3], [1, 2, 3, 4, 5, 6]),
      },
      "'a.weight_scale' has groups of 32 numbers of FP8",
    ],
  ]
  test.each(refusals)('%s', async (_, tensors, message) => {
    const error = await opened(tensors).catch((problem: unknown) => problem)
    expect(error).toMatchObject({ kind: 'checkpoint' })
    expect((error as Error).message).toContain(message)
  })

  test('scales of other names are no such scales', async () => {
    const checkpoint = await opened({ logit_scale: rawFloats([1], [1]), 'x.scale': rawFloats([1], [1]) })
    expect(checkpoint.tensors.size).toBe(2)
  })
})
