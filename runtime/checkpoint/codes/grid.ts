/** Blocks of codes that have the number of a coarser grid, such as a scale for each square of 128 x 128. */
import { formatOf, type FormatName } from '../../../plan/storage/formats.ts'
import type { TensorInfo } from '../checkpoint.ts'
import { listed, quoted } from '../quote.ts'
import { JoinError, type JoinedWeight, type ReadRange } from './scheme.ts'

export const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1)

/** Matrices of `rows` x `columns` elements, of which one entry of the grid has `high` x `wide`. */
export interface GridShape {
  readonly rows: number
  readonly columns: number
  readonly high: number
  readonly wide: number
}

export const gridSize = ({ rows, columns, high, wide }: GridShape): readonly [number, number] => [
  Math.ceil(rows / high),
  Math.ceil(columns / wide),
]

/** The tensor that has the codes; a row begins with a whole byte. */
export interface Codes {
  readonly tensor: TensorInfo
  readonly rowBytes: number
  /** Bits that differ between the file and the format. */
  readonly flipped?: number
}

/** What a block has before its codes, for entries `first` .. `end` - 1 of the grids of all matrices in row-major order. */
export type ReadHeads = (first: number, end: number) => Promise<Uint8Array>

export interface GridWeight {
  readonly shape: readonly number[]
  readonly format: FormatName
  readonly grid: GridShape
  readonly codes: Codes
  readonly readHeads: ReadHeads
  /** Bytes of a head. */
  readonly headBytes: number
}

/** From so many bytes on a view is faster than a loop. */
const VIEWED = 48

/** Bytes of which some bits are flipped. */
function copyBytes(from: Uint8Array, start: number, count: number, to: Uint8Array, at: number, flipped: number): void {
  if (flipped === 0 && count >= VIEWED) to.set(from.subarray(start, start + count), at)
  else for (let byte = 0; byte < count; byte++) to[at + byte] = from[start + byte] ^ flipped
}

/** The weight whose blocks are the head of their place in the grid, then their codes; codes behind the end of a row are 0. */
export function gridWeight(weight: GridWeight, read: ReadRange): JoinedWeight {
  const { shape, format, grid, codes, headBytes } = weight
  const block = formatOf(format)
  const flipped = codes.flipped ?? 0
  const codeBytes = block.bytes - headBytes
  const perRow = Math.ceil(grid.columns / block.elements)
  const [gridRows, gridColumns] = gridSize(grid)
  /** The first entry of the grid for a row. */
  const lineOf = (row: number): number =>
    (Math.floor(row / grid.rows) * gridRows + Math.floor((row % grid.rows) / grid.high)) * gridColumns
  const columnOf = (at: number): number => Math.floor((at * block.elements) / grid.wide)
  return {
    shape,
    format,
    readBlocks: async (first, end) => {
      const [firstRow, lastRow] = [Math.floor(first / perRow), Math.floor((end - 1) / perRow)]
      const start = firstRow * codes.rowBytes
      const bytes = await read(codes.tensor.name, start, (lastRow + 1) * codes.rowBytes - start)
      const firstEntry = lineOf(firstRow)
      const heads = await weight.readHeads(firstEntry, lineOf(lastRow) + gridColumns)
      const blocks = new Uint8Array((end - first) * block.bytes)
      let to = 0
      for (let row = firstRow; row <= lastRow; row++) {
        const line = lineOf(row) - firstEntry
        const [from, last] = [row * codes.rowBytes - start, (row + 1) * codes.rowBytes - start]
        const before = row * perRow
        for (let at = Math.max(0, first - before); at < Math.min(perRow, end - before); at++, to += block.bytes) {
          copyBytes(heads, (line + columnOf(at)) * headBytes, headBytes, blocks, to, 0)
          const code = from + at * codeBytes
          copyBytes(bytes, code, Math.min(codeBytes, last - code), blocks, to + headBytes, flipped)
        }
      }
      return blocks
    },
  }
}

/** A shape for a message, at most 8 axes. */
export const sizes = (shape: readonly number[]): string => `[${listed(shape.map(String), 8)}]`

/** The axes of a stack of matrices. Throws a JoinError for fewer than two axes, and for an empty one. */
export function matrixAxes({ name, shape }: TensorInfo): readonly [outer: readonly number[], rows: number, columns: number] {
  if (shape.length < 2 || shape.includes(0)) throw new JoinError(`${quoted(name)} has the shape ${sizes(shape)}: no matrix`)
  return [shape.slice(0, -2), shape.at(-2)!, shape.at(-1)!]
}

/** Throws a JoinError where a tensor has another shape. */
export function demandShape({ name, shape }: TensorInfo, wanted: readonly number[], why: string): void {
  if (shape.length === wanted.length && shape.every((size, axis) => size === wanted[axis])) return
  throw new JoinError(`${quoted(name)} has the shape ${sizes(shape)}, not ${sizes(wanted)}: ${why}`)
}
