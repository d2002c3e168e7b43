/** Where the elements of a matmul's operands are, in either layout. */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { Expression } from '../../scalar/expression.ts'
import { emitDim } from '../gang/dim.ts'
import { emitScalar } from '../gang/expression.ts'
import type { FunctionBody } from '../function.ts'
import type { Buffer, Region } from '../gang/gang.ts'
import { GANG, UNIFORM } from '../gang/shape.ts'
import { addConstant, keep, minimum, scale, toAddress, WORD } from '../integers.ts'
import type { Columns } from './sums.ts'

/** The value of an expression over reserved variables that these locals hold. */
export function emitWith(region: Region, locals: Readonly<Record<string, number>>, e: Expression): void {
  const variables = new Map(region.variables)
  for (const [name, local] of Object.entries(locals)) variables.set(name, { shape: UNIFORM, type: 'u32', local })
  emitScalar({ ...region, variables }, e)
}

/** The address in bytes of an operand's element at its first k. */
export function addressOf(region: Region, operand: Operand, locals: Readonly<Record<string, number>>): void {
  const { body } = region
  emitWith(region, locals, operand.base)
  toAddress(body, region.buffers.get(operand.buffer)!.address)
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

/** The address of an MN-major operand's row or column 0 at an index of K. */
export function mnAddress(
  region: Region,
  matmul: Matmul,
  operand: Operand & { layout: 'mn-major' },
  base: number,
  index: number,
): void {
  const { body } = region
  emitK(region, matmul, operand, index)
  emitDim(region, operand.stride)
  body.op('i32.mul')
  toAddress(body, base)
}

/** What the columns of a workgroup are read for. */
export interface ColumnBlock {
  readonly region: Region
  readonly matmul: Matmul
  /** The local of the expert. */
  readonly expert: number
  /** The local of the column behind the last. */
  readonly end: number
}

/** Addresses of neighbouring columns of a K-major operand; columns behind the last are read as the last, and not written. */
export function columnAddresses(
  { region, expert, end }: ColumnBlock,
  right: Operand,
  column: number,
  count: number,
): readonly number[] {
  const { body } = region
  const last = keep(body, () => addConstant(body, end, -1))
  return Array.from({ length: count }, (_, c) => {
    const known = keep(body, () => minimum(body, () => addConstant(body, column, c), last))
    return keep(body, () => addressOf(region, right, { column: known, expert }))
  })
}

/** How vectors of columns are read at one k: side by side of an MN-major operand, one by one of a K-major one. */
export function columnsOf(block: ColumnBlock, right: Operand, column: number, vectors: number): Columns {
  const { region, matmul, expert } = block
  const { body } = region
  const at = body.local('i32')
  if (right.layout === 'mn-major') {
    const base = keep(body, () => {
      addressOf(region, right, { expert })
      scale(body, column, WORD)
      body.op('i32.add')
    })
    return {
      begin: (index) => {
        mnAddress(region, matmul, right, base, index)
        body.set(at)
      },
      vector: (v) => {
        body.get(at)
        body.load('v128.load', v * GANG * WORD)
      },
    }
  }
  const addresses = columnAddresses(block, right, column, vectors * GANG)
  const loaded = body.local('v128')
  return {
    begin: (index) => {
      emitK(region, matmul, right, index)
      body.i32(2)
      body.op('i32.shl')
      body.set(at)
    },
    vector: (v) => {
      for (let c = 0; c < GANG; c++) {
        body.get(addresses[v * GANG + c])
        body.get(at)
        body.op('i32.add')
        if (c === 0) body.load('v128.load32_zero')
        else {
          body.get(loaded)
          body.memoryLane('v128.load32_lane', c)
        }
        if (c < GANG - 1) body.set(loaded)
      }
    },
  }
}
