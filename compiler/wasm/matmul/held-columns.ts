/**
 * Columns of a weight in a format, unpacked for a whole block and held from one workgroup to the next: neighbouring workgroups
 * have the same columns of an expert, and other rows. Unpacking a column takes as long as multiplying it with some rows, so it
 * should serve all rows that the thread has.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { Region } from '../gang/gang.ts'
import { addConstant, combine, keep } from '../integers.ts'
import { forRange } from '../loops.ts'
import type { Block } from './block.ts'
import { columnApart, emitWith } from './operands.ts'
import { loadingOf, pitchOf, unpackedRow, unpackRow } from './stored.ts'

/** Bytes of a block that the L2 cache has room for, beside other data. */
const MOST_BYTES = 2 ** 19

/** Locals. */
export interface HeldColumns {
  readonly room: number
  /** One more than the expert whose columns are held; 0 where there are none. */
  readonly expert: number
  readonly first: number
}

/** Room for the columns of a block; null where they are not unpacked, or are too many. `own` returns the local of an address. */
export function createHeldColumns(
  region: Region,
  matmul: Matmul,
  right: Operand,
  columns: number,
  own: (bytes: number) => number,
): HeldColumns | null {
  if (loadingOf(region, matmul, right, 'more') !== 'unpacked') return null
  const bytes = columns * pitchOf(region, matmul, right)
  if (bytes > MOST_BYTES) return null
  return { room: own(bytes), expert: region.body.local('i32'), first: region.body.local('i32') }
}

/** Unpacks the columns of the block, unless they are held. */
export function holdColumns({ region, matmul, tile, first, end }: Block, right: Operand, held: HeldColumns): void {
  const { body } = region
  const expert = keep(body, () => addConstant(body, tile.expert, 1))
  combine(body, held.expert, 'i32.ne', expert)
  combine(body, held.first, 'i32.ne', first)
  body.op('i32.or')
  body.when(() => {
    body.get(first)
    forRange(body, end, 1, (column) => {
      const place = keep(body, () => combine(body, column, 'i32.sub', first))
      const to = unpackedRow(region, matmul, right, held.room, place)
      unpackRow(region, matmul, right, () => emitWith(region, { column, expert: tile.expert }, right.base), to)
    })
    body.get(expert)
    body.set(held.expert)
    body.get(first)
    body.set(held.first)
  })
}

/**
 * Addresses of `count` columns that are held, so many apart as the local `distance` says; columns behind the last are read as the
 * last, and not written.
 */
export function heldAddresses(
  { region, matmul, first, end }: Block,
  right: Operand,
  { room }: HeldColumns,
  column: number,
  distance: number,
  count: number,
): readonly number[] {
  const { body } = region
  const last = keep(body, () => addConstant(body, end, -1))
  return Array.from({ length: count }, (_, c) => {
    const known = columnApart(body, column, distance, c, last)
    const place = keep(body, () => combine(body, known, 'i32.sub', first))
    return unpackedRow(region, matmul, right, room, place)
  })
}
