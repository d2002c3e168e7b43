/** Which rows a workgroup computes, and over which range of K: by every grouping of rows. */
import { ceilDivide, floorDivide, multiply, type Dim } from '../../../plan/dim.ts'
import { ENTRY, NEXT_FIRST, tileCount } from '../../graph/sorted-rows.ts'
import type { KRange, Matmul, RowGrouping } from '../../kernel/ir/matmul.ts'
import type { FunctionBody } from '../function.ts'
import { emitDim } from '../gang/dim.ts'
import type { Buffer, Region } from '../gang/gang.ts'
import { addConstant, combine, keep, minimum, scale, toAddress, word, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import type { RowTile } from './block.ts'
import { emitWith, rowAtPlace } from './operands.ts'

/** Rows of a tile of a dense or batched matmul. */
const ROWS = 32
/** Rows that look up their expert together, so that those of one expert are multiplied together. */
const LOOKUP_ROWS = 16

/** Rows of a tile at most. */
export const mostRows = ({ rowGrouping: { kind, ...grouping } }: Matmul): number =>
  kind === 'lookup' ? LOOKUP_ROWS : 'tile' in grouping ? grouping.tile : ROWS

/** How many tiles of rows there are. */
export const tilesOf = ({ rows, rowGrouping }: Matmul): Dim => {
  switch (rowGrouping.kind) {
    case 'dense':
      return ceilDivide(rows, ROWS)
    case 'batched':
      return multiply(rowGrouping.batch, ceilDivide(floorDivide(rows, rowGrouping.batch), ROWS))
    case 'lookup':
      return ceilDivide(rows, LOOKUP_ROWS)
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

/**
 * Runs for the rows of a tile at a place, by expert; not at all where there are none. `table` is the local of the address of the
 * table of rows.
 */
export function withTile(region: Region, matmul: Matmul, place: number, table: number, run: (tile: RowTile) => void): void {
  const { body } = region
  const { rowGrouping } = matmul
  const zero = keep(body, () => body.i32(0))
  const rows = keep(body, () => emitDim(region, matmul.rows))
  /** The rows at `from` .. `below - 1`. */
  const rowsOf = (from: number, below: number, rowAt: (index: number) => void): Omit<RowTile, 'expert' | 'firstRow'> => ({
    count: keep(body, () => combine(body, below, 'i32.sub', from)),
    firstNumber: () => rowAt(from),
    listRows: () => {
      const at = keep(body, () => body.get(table))
      body.get(from)
      forRange(body, below, 1, (index) => {
        body.get(at)
        rowAt(index)
        body.store('i32.store')
        addConstant(body, at, WORD)
        body.set(at)
      })
    },
  })
  switch (rowGrouping.kind) {
    case 'dense': {
      const from = keep(body, () => scale(body, place, ROWS))
      const below = keep(body, () => minimum(body, () => addConstant(body, from, ROWS), rows))
      return run({ expert: zero, firstRow: from, ...rowsOf(from, below, body.get) })
    }
    case 'batched': {
      const each = keep(body, () => {
        body.get(rows)
        emitDim(region, rowGrouping.batch)
        body.op('i32.div_u')
      })
      const blocks = keep(body, () => emitDim(region, ceilDivide(floorDivide(matmul.rows, rowGrouping.batch), ROWS)))
      const { expert, block } = batchPlace(region, matmul, rowGrouping.batch, place, blocks)
      const from = keep(body, () => scale(body, block, ROWS))
      const below = keep(body, () => minimum(body, () => addConstant(body, from, ROWS), each))
      const start = keep(body, () => combine(body, expert, 'i32.mul', each))
      return run({ expert, firstRow: from, ...rowsOf(from, below, (index) => combine(body, start, 'i32.add', index)) })
    }
    case 'lookup':
      return lookUp(region, rowGrouping, { place, rows, table }, run)
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
        run({ expert, firstRow: null, ...rowsOf(from, below, (index) => rowAtPlace(body, order, index)) })
      })
    }
    default:
      rowGrouping satisfies never
  }
}

/**
 * Locals of the expert and of its block of rows at a place. Sums over the rows of an expert take as long as it has rows, so
 * there the blocks of all experts follow each other, and threads, which take neighbouring places, share each expert.
 */
function batchPlace(
  region: Region,
  { kRange }: Matmul,
  batch: Dim,
  place: number,
  blocks: number,
): { readonly expert: number; readonly block: number } {
  const { body } = region
  if (kRange.kind === 'all')
    return {
      expert: keep(body, () => combine(body, place, 'i32.div_u', blocks)),
      block: keep(body, () => combine(body, place, 'i32.rem_u', blocks)),
    }
  const experts = keep(body, () => emitDim(region, batch))
  return {
    expert: keep(body, () => combine(body, place, 'i32.rem_u', experts)),
    block: keep(body, () => combine(body, place, 'i32.div_u', experts)),
  }
}

/** The rows of a tile are taken by expert, in the order in which the experts first appear. */
function lookUp(
  region: Region,
  { experts, expert: expertOf }: RowGrouping & { readonly kind: 'lookup' },
  { place, rows, table }: { readonly place: number; readonly rows: number; readonly table: number },
  run: (tile: RowTile) => void,
): void {
  const { body } = region
  const offset = region.reserve(LOOKUP_ROWS * WORD)
  const address = (index: number): void => {
    body.get(index)
    toAddress(body, region.memory)
  }
  const from = keep(body, () => scale(body, place, LOOKUP_ROWS))
  const count = keep(body, () => {
    minimum(body, () => addConstant(body, from, LOOKUP_ROWS), rows)
    body.get(from)
    body.op('i32.sub')
  })
  body.i32(0)
  forRange(body, count, 1, (index) => {
    const row = keep(body, () => combine(body, from, 'i32.add', index))
    address(index)
    emitWith(region, { row }, expertOf)
    body.store('i32.store', offset)
  })
  body.i32(0)
  forRange(body, count, 1, (index) => {
    const expert = keep(body, () => {
      address(index)
      body.load('i32.load', offset)
    })
    body.get(expert)
    body.i32(experts)
    body.op('i32.lt_u')
    body.when(() => {
      const found = keep(body, () => body.i32(0))
      body.get(index)
      forRange(body, count, 1, (other) => {
        address(other)
        body.load('i32.load', offset)
        body.get(expert)
        body.op('i32.eq')
        body.when(() => {
          body.get(found)
          toAddress(body, table)
          combine(body, from, 'i32.add', other)
          body.store('i32.store')
          addConstant(body, found, 1)
          body.set(found)
          // no row is taken twice
          address(other)
          body.i32(-1)
          body.store('i32.store', offset)
        })
      })
      run({ expert, count: found, firstRow: null, firstNumber: () => word(body, table, 0), listRows: () => {} })
    })
  })
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

/**
 * The range of K of an expert, as locals of the first element and of the one behind the last; for sorted rows they count places
 * in the sorted order, which are searched where the expert is not that of the last workgroup.
 */
export function createKRange(region: Region, { k, kRange }: Matmul): (expert: number) => Range {
  const { body } = region
  const [from, below] = [body.local('i32'), body.local('i32')]
  if (kRange.kind === 'all')
    return () => {
      body.i32(0)
      body.set(from)
      emitDim(region, k)
      body.set(below)
      return { from, below }
    }
  // one more than the expert, 0 where there is none
  const known = body.local('i32')
  return (expert) => {
    const wanted = keep(body, () => addConstant(body, expert, 1))
    combine(body, known, 'i32.ne', wanted)
    body.when(() => {
      searchRange(region, k, kRange, expert, { from, below })
      body.get(wanted)
      body.set(known)
    })
    return { from, below }
  }
}

function searchRange(
  region: Region,
  k: Dim,
  kRange: KRange & { readonly kind: 'sorted' },
  expert: number,
  { from, below }: Range,
): void {
  const { body } = region
  const order = region.buffers.get(kRange.buffer)!
  for (const local of [from, below]) {
    body.i32(0)
    body.set(local)
  }
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
      const start = keep(body, () => word(body, entry, ENTRY.first))
      body.get(below)
      body.op('i32.eqz')
      body.when(() => {
        body.get(start)
        body.set(from)
      })
      body.get(endOfTile(body, entry, start, kRange.tile))
      body.set(below)
    })
  })
}
