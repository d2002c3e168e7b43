/** Where the elements of a matmul's operands are, in either layout. */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { Expression } from '../../scalar/expression.ts'
import { emitDim } from '../gang/dim.ts'
import { emitScalar } from '../gang/expression.ts'
import type { FunctionBody } from '../function.ts'
import type { Buffer, Region } from '../gang/gang.ts'
import { UNIFORM } from '../gang/shape.ts'
import { addConstant, combine, keep, minimum, scale, toAddress } from '../integers.ts'
import { forRange } from '../loops.ts'
import { entry, entryAddress, type Block } from './block.ts'
import { elementBytes, pitchOf, storageOf, unpackedRow, unpackRow, type Loading, type Storages } from './stored.ts'

/** Whether the elements at each k are where a stride says, as f32. */
export const isPlain = (buffers: Storages, { kRange }: Matmul, operand: Operand): operand is Operand & { layout: 'mn-major' } =>
  operand.layout === 'mn-major' && operand.gather === null && kRange.kind === 'all' && storageOf(buffers, operand) === undefined

/** The value of an expression over reserved variables that these locals hold. */
export function emitWith(region: Region, locals: Readonly<Record<string, number>>, e: Expression): void {
  const variables = new Map(region.variables)
  for (const [name, local] of Object.entries(locals)) variables.set(name, { shape: UNIFORM, type: 'u32', local })
  emitScalar({ ...region, variables }, e)
}

/** The address in bytes of an operand's element at its first k, each being a block of its own. */
export function addressOf(region: Region, operand: Operand, locals: Readonly<Record<string, number>>): void {
  const { body } = region
  emitWith(region, locals, operand.base)
  toAddress(body, region.buffers.get(operand.buffer)!.address, Math.log2(elementBytes(region, operand)))
}

/** The row at a place of the order of sorted rows, which a local holds. */
export function rowAtPlace(body: FunctionBody, order: Buffer, place: number): void {
  body.get(place)
  toAddress(body, order.address)
  body.load('i32.load')
}

/** The element of K that an index of the range stands for. */
export function emitK(region: Region, { kRange }: Matmul, operand: Operand, index: number): void {
  const { body } = region
  const k = kRange.kind === 'all' ? index : keep(body, () => rowAtPlace(body, region.buffers.get(kRange.buffer)!, index))
  if (operand.layout === 'k-major' || operand.gather === null) body.get(k)
  else emitWith(region, { k_index: k }, operand.gather)
}

/** The address of an MN-major operand's row or column 0 at an index of K, of elements of 2^log2 bytes. */
export function mnAddress(
  region: Region,
  matmul: Matmul,
  operand: Operand & { layout: 'mn-major' },
  base: number,
  index: number,
  log2 = 2,
): void {
  const { body } = region
  emitK(region, matmul, operand, index)
  emitDim(region, operand.stride)
  body.op('i32.mul')
  toAddress(body, base, log2)
}

/** Column number `c` of those that are so many apart as the local `distance` says, and the last one behind it; a local. */
export const columnApart = (body: FunctionBody, column: number, distance: number, c: number, last: number): number =>
  keep(body, () =>
    minimum(
      body,
      () => {
        scale(body, distance, c)
        body.get(column)
        body.op('i32.add')
      },
      last,
    ),
  )

/**
 * Addresses of `count` columns of a K-major operand, so many apart as the local `distance` says; columns behind the last are read
 * as the last, and not written. They are unpacked first, where they are loaded so.
 */
export function columnAddresses(
  { region, matmul, tile: { expert }, end, unpackedColumns: room }: Block,
  right: Operand,
  column: number,
  distance: number,
  count: number,
  loading: Loading,
): readonly number[] {
  const { body } = region
  const last = keep(body, () => addConstant(body, end, -1))
  if (room !== null && loading === 'unpacked') {
    const pitch = pitchOf(region, matmul, right)
    const all = keep(body, () => body.i32(count))
    body.i32(0)
    forRange(body, all, 1, (c) => {
      const known = keep(body, () =>
        minimum(
          body,
          () => {
            combine(body, distance, 'i32.mul', c)
            body.get(column)
            body.op('i32.add')
          },
          last,
        ),
      )
      const to = unpackedRow(region, matmul, right, room, c)
      unpackRow(region, matmul, right, () => emitWith(region, { column: known, expert }, right.base), to)
    })
    return Array.from({ length: count }, (_, c) => keep(body, () => addConstant(body, room, c * pitch)))
  }
  return Array.from({ length: count }, (_, c) => {
    const known = columnApart(body, column, distance, c, last)
    return keep(body, () => addressOf(region, right, { column: known, expert }))
  })
}

/** Fills the addresses of the rows of a K-major left operand. */
export function locateLeftRows({ region, matmul, tile, rows, leftRows, unpackedLeft: room }: Block): void {
  const { left } = matmul
  if (left.layout !== 'k-major') return
  const { body } = region
  body.i32(0)
  forRange(body, tile.count, 1, (index) => {
    const row = keep(body, () => entry(body, rows, index))
    const locals = { row, expert: tile.expert }
    const address = room === null ? null : unpackedRow(region, matmul, left, room, index)
    if (address !== null) unpackRow(region, matmul, left, () => emitWith(region, locals, left.base), address)
    entryAddress(body, leftRows, index)
    if (address === null) addressOf(region, left, locals)
    else body.get(address)
    body.store('i32.store')
  })
}
