/**
 * The block of a workgroup: some rows of one expert times some columns. Numbers of the rows, addresses of the left operand's rows
 * and the sums are in the worker's own memory, so that code for them is emitted once, whatever the grouping of rows is.
 */
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { FunctionBody } from '../function.ts'
import type { Region } from '../gang/gang.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, toAddress, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'

/** Columns of a workgroup where an operand is packed: few, so that those of the right operand stay in cache. */
export const COLUMNS = 32

/** Rows of one expert. */
export interface RowTile {
  /** The local of the expert. */
  readonly expert: number
  /** The local of the number of rows. */
  readonly count: number
  /** The local of the first row, counted from 0 for each expert, where rows are neighbours; null where they are not. */
  readonly firstRow: number | null
  /** Leaves the number of the first row on the stack. */
  readonly firstNumber: () => void
  /** Emits what puts the number of each row in the table of rows. */
  readonly listRows: () => void
}

export interface Block {
  readonly region: Region
  readonly matmul: Matmul
  readonly tile: RowTile
  /** The locals of the first column, and of the one behind the last. */
  readonly first: number
  readonly end: number
  /** Columns of a workgroup. */
  readonly columns: number
  /** Whether products and sums may be fused, rounded once: not the same bits on every machine. */
  readonly isRelaxed: boolean
  /** Locals of addresses: of the number of each row, of the address of its left row, and of the sums of each right operand. */
  readonly rows: number
  readonly leftRows: number
  readonly sums: readonly number[]
  /** Locals of addresses of room for rows of K, of the left operand and of four columns; null where none are unpacked. */
  readonly unpackedLeft: number | null
  readonly unpackedColumns: number | null
}

/** The address of an entry of a table of words. */
export function entryAddress(body: FunctionBody, table: number, index: number): void {
  body.get(index)
  toAddress(body, table)
}

/** The entry of a table of words, `further` places behind the index. */
export function entry(body: FunctionBody, table: number, index: number, further = 0): void {
  entryAddress(body, table, index)
  body.load('i32.load', WORD * further)
}

/** Bytes of a row of sums. */
export const sumsRow = ({ columns }: Pick<Block, 'columns'>): number => columns * WORD

export function clearSums({ region: { body }, tile, sums, columns }: Block): void {
  const bytes = keep(body, () => scale(body, tile.count, columns * WORD))
  body.i32(0)
  forRange(body, bytes, GANG * WORD, (at) => {
    for (const address of sums) {
      combine(body, address, 'i32.add', at)
      body.v128([0, 0, 0, 0])
      body.store('v128.store')
    }
  })
}

/** The address of the sums of a right operand at a row and a column, which locals hold. */
export function sumsAddress(block: Block, p: number, index: number, column: number): void {
  const { first, sums } = block
  const { body } = block.region
  scale(body, index, sumsRow(block))
  body.get(column)
  body.get(first)
  body.op('i32.sub')
  toAddress(body, sums[p])
  body.op('i32.add')
}

/** Runs for all rows of the tile, two at a time; `index` is a local, `rows` 2 or 1. */
export function forRowPairs({ region: { body }, tile }: Block, run: (index: number, rows: 1 | 2) => void): void {
  const last = keep(body, () => addConstant(body, tile.count, -1))
  const index = body.local('i32')
  body.i32(0)
  body.set(index)
  combine(body, index, 'i32.lt_u', last)
  body.when(() =>
    body.loop(() => {
      run(index, 2)
      addConstant(body, index, 2)
      body.tee(index)
      body.get(last)
      body.op('i32.lt_u')
      body.branchIf(0)
    }),
  )
  combine(body, index, 'i32.lt_u', tile.count)
  body.when(() => run(index, 1))
}
