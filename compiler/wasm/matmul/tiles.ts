/** Which rows a workgroup computes, and over which range of K: by every grouping of rows. */
import { ceilDivide, floorDivide, multiply, type Dim } from '../../../plan/dim.ts'
import { ENTRY, NEXT_FIRST, tileCount } from '../../graph/sorted-rows.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { FunctionBody } from '../function.ts'
import { emitDim } from '../gang/dim.ts'
import type { Buffer, Region } from '../gang/gang.ts'
import { addConstant, combine, keep, minimum, scale, toAddress, word } from '../integers.ts'
import { forRange } from '../loops.ts'
import { emitWith, rowAtPlace } from './operands.ts'

/** Rows of a tile of a dense or batched matmul. */
const ROWS = 32

/** How many tiles of rows there are. */
export const tilesOf = ({ rows, rowGrouping }: Matmul): Dim => {
  switch (rowGrouping.kind) {
    case 'dense':
      return ceilDivide(rows, ROWS)
    case 'batched':
      return multiply(rowGrouping.batch, ceilDivide(floorDivide(rows, rowGrouping.batch), ROWS))
    case 'lookup':
      return rows
    case 'sorted':
      return tileCount(rows, rowGrouping.experts, rowGrouping.tile)
    default:
      return rowGrouping satisfies never
  }
}

/** Locals of the first index and of the one behind the last. */
export interface Range {
  readonly from: number
  readonly below: number
}

/** A range of rows of one expert. */
export interface RowTile extends Range {
  /** The local of the expert. */
  readonly expert: number
  /** Leaves the row of the output on the stack, of an index in the range. */
  readonly rowAt: (index: number) => void
  /** The row of the left operand, where it is not that of the output. */
  readonly leftRowAt: (index: number) => void
}

/** Runs for the tile of rows at a place; not at all where it is empty. */
export function withTile(region: Region, matmul: Matmul, place: number, run: (tile: RowTile) => void): void {
  const { body } = region
  const { rowGrouping } = matmul
  const same = (index: number): void => body.get(index)
  const zero = keep(body, () => body.i32(0))
  const rows = keep(body, () => emitDim(region, matmul.rows))
  switch (rowGrouping.kind) {
    case 'dense': {
      const from = keep(body, () => scale(body, place, ROWS))
      const below = keep(body, () => minimum(body, () => addConstant(body, from, ROWS), rows))
      return run({ expert: zero, from, below, rowAt: same, leftRowAt: same })
    }
    case 'batched': {
      const each = keep(body, () => {
        body.get(rows)
        emitDim(region, rowGrouping.batch)
        body.op('i32.div_u')
      })
      const blocks = keep(body, () => emitDim(region, ceilDivide(floorDivide(matmul.rows, rowGrouping.batch), ROWS)))
      const expert = keep(body, () => combine(body, place, 'i32.div_u', blocks))
      const block = keep(body, () => combine(body, place, 'i32.rem_u', blocks))
      const from = keep(body, () => scale(body, block, ROWS))
      const below = keep(body, () => minimum(body, () => addConstant(body, from, ROWS), each))
      const start = keep(body, () => combine(body, expert, 'i32.mul', each))
      const rowAt = (index: number): void => combine(body, start, 'i32.add', index)
      return run({ expert, from, below, rowAt, leftRowAt: matmul.left.layout === 'k-major' ? rowAt : same })
    }
    case 'lookup': {
      const expert = keep(body, () => emitWith(region, { row: place }, rowGrouping.expert))
      const below = keep(body, () => addConstant(body, place, 1))
      body.get(expert)
      body.i32(rowGrouping.experts)
      body.op('i32.lt_u')
      return body.when(() => run({ expert, from: place, below, rowAt: same, leftRowAt: same }))
    }
    case 'sorted': {
      const order = region.buffers.get(rowGrouping.buffer)!
      const entry = tileEntry(body, order, rows, place)
      const expert = keep(body, () => word(body, entry, ENTRY.expert))
      body.get(expert)
      body.i32(0)
      body.op('i32.ge_s')
      return body.when(() => {
        const from = keep(body, () => word(body, entry, ENTRY.first))
        const below = endOfTile(body, entry, from, rowGrouping.tile)
        const rowAt = (index: number): void => rowAtPlace(body, order, index)
        run({ expert, from, below, rowAt, leftRowAt: rowAt })
      })
    }
    default:
      rowGrouping satisfies never
  }
}

/** The address of the entry of a tile in the order of sorted rows: its expert, then its first place; `place` is a local. */
function tileEntry(body: FunctionBody, order: Buffer, rows: number, place: number): number {
  return keep(body, () => {
    body.get(rows)
    scale(body, place, ENTRY.words)
    body.op('i32.add')
    toAddress(body, order.address)
  })
}

/** The local of the place behind the last row of a tile. */
const endOfTile = (body: FunctionBody, entry: number, from: number, tile: number): number => {
  const next = keep(body, () => word(body, entry, NEXT_FIRST))
  return keep(body, () => minimum(body, () => addConstant(body, from, tile), next))
}

/** The locals of the first element of K and of the one behind the last; for sorted rows they count places in the sorted order. */
export function kRangeOf(region: Region, { k, kRange }: Matmul, expert: number): Range {
  const { body } = region
  if (kRange.kind === 'all') return { from: keep(body, () => body.i32(0)), below: keep(body, () => emitDim(region, k)) }
  const order = region.buffers.get(kRange.buffer)!
  const [from, below] = [keep(body, () => body.i32(0)), keep(body, () => body.i32(0))]
  const rows = keep(body, () => emitDim(region, k))
  const tiles = keep(body, () => emitDim(region, tileCount(k, kRange.experts, kRange.tile)))
  body.i32(0)
  forRange(body, tiles, 1, (tile) => {
    const entry = tileEntry(body, order, rows, tile)
    word(body, entry, ENTRY.expert)
    body.get(expert)
    body.op('i32.eq')
    body.when(() => {
      // the first tile of the expert sets the beginning, each the end
      body.get(below)
      body.op('i32.eqz')
      body.when(() => {
        word(body, entry, ENTRY.first)
        body.set(from)
      })
      const start = keep(body, () => word(body, entry, ENTRY.first))
      body.get(endOfTile(body, entry, start, kRange.tile))
      body.set(below)
    })
  })
  return { from, below }
}
