/**
 * Codes as compressed-tensors writes them (https://github.com/vllm-project/compressed-tensors): a weight `NAME` is multiplied by
 * `NAME_scale`, a number for each group of a row, [..., rows, groups], for each row, [..., rows, 1], or for all, [1].
 */
import type { FormatName } from '../../../plan/storage/formats.ts'
import { groupHead, LESS_ZERO, type GroupFormat } from '../../../plan/storage/groups.ts'
import type { TensorInfo } from '../checkpoint.ts'
import { quoted } from '../quote.ts'
import { demandShape, gridSize, gridWeight, matrixAxes, sizes, type Codes, type GridShape, type ReadHeads } from './grid.ts'
import { readScales, SCALE_TYPES } from './scales.ts'
import { JoinError, type JoinedWeight, type Parts, type ReadRange, type Scheme } from './scheme.ts'

const WEIGHTS = /(^|\.)weight$/
const BLOCKS = [128, 32] as const
const SQUARE = 128
const FLOAT_BYTES = 4

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])

/** The groups that a row of so many numbers has this number of: whole rows, or a power of two from 32 on. */
function groupSize(columns: number, count: number): number | null {
  if (count === 1) return columns
  for (let size = 32; size < columns; size *= 2) if (Math.ceil(columns / size) === count) return size
  return null
}

/** What part of a weight a scale is for. Throws a JoinError for scales that are none of these. */
function gridOf(scales: TensorInfo, codes: TensorInfo, [outer, rows, columns]: ReturnType<typeof matrixAxes>): GridShape {
  const { shape } = scales
  const isAlone = outer.length === 0 && (shape.length === 0 || sameShape(shape, [1]))
  if (isAlone) return { rows, columns, high: rows, wide: columns }
  const squares: GridShape = { rows, columns, high: SQUARE, wide: SQUARE }
  const wide = groupSize(columns, shape.at(-1)!)
  if (sameShape(shape.slice(0, -1), [...outer, rows]) && wide !== null) return { rows, columns, high: 1, wide }
  if (codes.dtype === 'F8_E4M3' && sameShape(shape, [...outer, ...gridSize(squares)])) return squares
  const wanted = `groups of 32, 64, 128 or more for ${sizes([...outer, rows, columns])} of ${quoted(codes.name)}`
  throw new JoinError(`${quoted(scales.name)} has the shape ${sizes(shape)}, and not that of ${wanted}`)
}

/** The longest blocks that groups are whole ones of; rows that are one group may end within a block. */
function blockOf({ columns, wide }: GridShape, scales: TensorInfo): (typeof BLOCKS)[number] {
  const shortest = Math.min(...BLOCKS)
  const block = BLOCKS.find((size) => wide % size === 0 || (wide === columns && (columns >= size || size === shortest)))
  if (block !== undefined) return block
  throw new JoinError(`${quoted(scales.name)} has groups of ${wide} numbers`)
}

const scaleHeads =
  (scales: TensorInfo, read: ReadRange): ReadHeads =>
  async (first, end) =>
    new Uint8Array((await readScales(scales, first, end, read)).buffer)

/** Zero points, 0 .. 2^bits - 1, of entries `first` .. `end` - 1. */
type ReadZeros = (first: number, end: number) => Promise<Uint8Array>

/** Heads of a scale and a zero point. */
const zeroHeads =
  (scales: TensorInfo, readZeros: ReadZeros, read: ReadRange): ReadHeads =>
  async (first, end) => {
    const [factors, zeros] = [await readScales(scales, first, end, read), await readZeros(first, end)]
    const bytes = groupHead({ hasZero: true })
    const heads = new DataView(new ArrayBuffer(factors.length * bytes))
    factors.forEach((factor, at) => {
      heads.setFloat32(at * bytes, factor, true)
      heads.setUint16(at * bytes + FLOAT_BYTES, LESS_ZERO - zeros[at], true)
    })
    return new Uint8Array(heads.buffer)
  }

/** Zero points of 8 bits with a sign, in the shape of the scales. */
const signedZeros =
  (zeros: TensorInfo, read: ReadRange): ReadZeros =>
  async (first, end) =>
    (await read(zeros.name, first, end - first)).map((byte) => byte ^ 0x80)

/** Zero points packed along the rows of each matrix, [..., rows x bits / 32, groups] words. */
const packedZeros =
  (zeros: TensorInfo, bits: 4 | 8, { rows }: GridShape, groups: number, read: ReadRange): ReadZeros =>
  async (first, end) => {
    const perWord = 32 / bits
    const words = Math.ceil(rows / perWord)
    const lineOf = (entry: number): number => {
      const row = Math.floor(entry / groups)
      return Math.floor(row / rows) * words + Math.floor((row % rows) / perWord)
    }
    const start = lineOf(first) * groups * 4
    const bytes = await read(zeros.name, start, (lineOf(end - 1) + 1) * groups * 4 - start)
    return Uint8Array.from({ length: end - first }, (_, at) => {
      const entry = first + at
      const bit = ((Math.floor(entry / groups) % rows) % perWord) * bits
      const word = (lineOf(entry) * groups + (entry % groups)) * 4 - start
      return (bytes[word + (bit >> 3)] >> (bit & 7)) & (2 ** bits - 1)
    })
  }

function refuseOrder({ order }: Parts): void {
  if ((order as TensorInfo | undefined) !== undefined)
    throw new JoinError(`${quoted(order.name)} puts columns into groups in an order of its own, which is not supported`)
}

interface Integers {
  readonly bits: 4 | 8
  readonly shape: readonly number[]
  readonly codes: Codes
  readonly scales: TensorInfo
  readonly grid: GridShape
  /** null without zero points. */
  readonly readZeros: ReadZeros | null
}

function joinIntegers({ bits, shape, codes, scales, grid, readZeros }: Integers, read: ReadRange): JoinedWeight {
  const hasZero = readZeros !== null
  const format: GroupFormat = `${hasZero ? 'uint' : 'int'}${bits}_${blockOf(grid, scales)}`
  const readHeads = hasZero ? zeroHeads(scales, readZeros, read) : scaleHeads(scales, read)
  return gridWeight({ shape, format, grid, codes, headBytes: groupHead({ hasZero }), readHeads }, read)
}

/** Signed integers of 8 bits (`int-quantized`): `NAME` i8, with `NAME_zero_point` i8 in the shape of the scales. */
export const integers: Scheme = {
  title: 'int-quantized',
  weights: WEIGHTS,
  codes: { suffix: '', dtype: 'I8' },
  beside: { scales: '_scale', zeros: '_zero_point', order: '_g_idx' },
  optional: ['zeros', 'order'],
  dtypes: { scales: SCALE_TYPES, zeros: ['I8'], order: ['I32', 'I64'] },
  join: async (parts, read) => {
    refuseOrder(parts)
    const { codes, scales } = parts
    const zeros = parts.zeros as TensorInfo | undefined
    const axes = matrixAxes(codes)
    const grid = gridOf(scales, codes, axes)
    if (zeros !== undefined) demandShape(zeros, scales.shape, `a zero point for each of ${quoted(scales.name)}`)
    const readZeros = zeros === undefined ? null : signedZeros(zeros, read)
    // with a zero point codes count from 0
    const flipped = zeros === undefined ? 0 : 0x80
    const stored = { tensor: codes, rowBytes: axes[2], flipped }
    return joinIntegers({ bits: 8, shape: codes.shape, codes: stored, scales, grid, readZeros }, read)
  },
}

/** The shape that a tensor of sizes has. */
async function readShape({ name, dtype, bytes }: TensorInfo, axes: number, read: ReadRange): Promise<readonly number[]> {
  const size = dtype === 'I64' ? 8 : 4
  if (bytes !== size * axes) throw new JoinError(`${quoted(name)} has ${bytes / size} sizes, not ${axes}`)
  const view = new DataView((await read(name, 0, bytes)).slice().buffer)
  return Array.from({ length: axes }, (_, at) =>
    size === 8 ? Number(view.getBigInt64(at * size, true)) : view.getInt32(at * size, true),
  )
}

/** The bits of a code, by the words that a row takes. Throws a JoinError for rows of neither 4 nor 8. */
function bitsOf(packed: TensorInfo, shape: readonly number[]): 4 | 8 {
  const columns = shape.at(-1)!
  const words = packed.shape.at(-1)!
  const [four, eight] = ([4, 8] as const).map((bits) => Math.ceil((columns * bits) / 32) === words)
  const fits = columns > 0 && sameShape(shape.slice(0, -1), packed.shape.slice(0, -1))
  if (!fits || four === eight)
    throw new JoinError(
      `${quoted(packed.name)} has the shape ${sizes(packed.shape)}, which are no codes of 4 or 8 bits for ${sizes(shape)}`,
    )
  return four ? 4 : 8
}

/**
 * Codes of 4 or 8 bits in words of 32 (`pack-quantized`): `NAME_packed` i32 [..., rows, words], the first code in the lowest bits
 * and each 2^(bits - 1) more than its number; `NAME_shape`; and with zero points `NAME_zero_point`, packed along the rows.
 */
export const packedIntegers: Scheme = {
  title: 'pack-quantized',
  weights: WEIGHTS,
  codes: { suffix: '_packed', dtype: 'I32' },
  beside: { scales: '_scale', shape: '_shape', zeros: '_zero_point', order: '_g_idx' },
  optional: ['zeros', 'order'],
  dtypes: { scales: SCALE_TYPES, shape: ['I64', 'I32'], zeros: ['I32'], order: ['I32', 'I64'] },
  join: async (parts, read) => {
    refuseOrder(parts)
    const { codes: packed, scales } = parts
    const zeros = parts.zeros as TensorInfo | undefined
    const [outer, rows, words] = matrixAxes(packed)
    const shape = await readShape(parts.shape, packed.shape.length, read)
    const bits = bitsOf(packed, shape)
    const columns = shape.at(-1)!
    const grid = gridOf(scales, packed, [outer, rows, columns])
    const groups = gridSize(grid)[1]
    if (zeros !== undefined) {
      if (grid.high !== 1) throw new JoinError(`${quoted(scales.name)} is one scale, and there are zero points of rows`)
      const wanted = [...outer, Math.ceil((rows * bits) / 32), groups]
      demandShape(zeros, wanted, `packed zero points for ${sizes(scales.shape)} scales`)
    }
    const readZeros = zeros === undefined ? null : packedZeros(zeros, bits, grid, groups, read)
    const flipped = bits === 8 && zeros === undefined ? 0x80 : 0
    const codes = { tensor: packed, rowBytes: words * 4, flipped }
    return joinIntegers({ bits, shape, codes, scales, grid, readZeros }, read)
  },
}

const FP8: FormatName = 'fp8_128'

/** FP8 e4m3 (`float-quantized`), with scales of groups, rows or squares. */
export const fp8Groups: Scheme = {
  title: 'float-quantized',
  weights: WEIGHTS,
  codes: { suffix: '', dtype: 'F8_E4M3' },
  beside: { scales: '_scale' },
  dtypes: { scales: SCALE_TYPES },
  join: async ({ codes, scales }, read) => {
    const axes = matrixAxes(codes)
    const grid = gridOf(scales, codes, axes)
    if (grid.wide !== grid.columns && grid.wide % SQUARE !== 0)
      throw new JoinError(`${quoted(scales.name)} has groups of ${grid.wide} numbers of FP8`)
    const heads = { headBytes: FLOAT_BYTES, readHeads: scaleHeads(scales, read) }
    return gridWeight({ shape: codes.shape, format: FP8, grid, codes: { tensor: codes, rowBytes: axes[2] }, ...heads }, read)
  },
}
