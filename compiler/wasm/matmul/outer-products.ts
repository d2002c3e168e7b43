/**
 * Weight gradients of an expert with few rows: the outer product of each row is added straight to the result, with neither packed
 * operands nor sums beside it. Each element is the sum that `outer.ts` makes: from 0 on, in ascending order of K.
 */
import { ceilDivide, constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import type { FunctionBody } from '../function.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, toAddress, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate } from './accumulate.ts'
import type { Block } from './block.ts'
import { addressOf, mnAddress } from './operands.ts'
import { PANEL } from './pack.ts'
import { storageOf, type Storages } from './stored.ts'
import { storedSum } from './stored-sum.ts'
import type { Range } from './tiles.ts'

/** Up to so many rows of K, as many passes over the result cost less than packing. */
const FEW_ROWS = 4
const VECTORS = PANEL / GANG

/** Whether the template fits: whole panels of columns, of which nothing but the sums is stored. */
export const hasOuterProducts = (buffers: Storages, matmul: Matmul): boolean =>
  [matmul.left, ...matmul.rights].every((operand) => storageOf(buffers, operand) === undefined) &&
  storedSum(matmul) !== null &&
  (constantValue(matmul.columns) ?? 1) % PANEL === 0

/** Leaves on the stack whether a range of K is short enough. */
export function isShort({ region: { body } }: Block, { from, below }: Range): void {
  combine(body, below, 'i32.sub', from)
  body.i32(FEW_ROWS + 1)
  body.op('i32.lt_u')
}

/**
 * Writes the workgroup's share of its rows of a matmul that has the template: zeros where the range is empty. The workgroups of
 * the same rows share them out, whole rows each, which are one stretch of memory: processors write such stretches much faster
 * than blocks of columns.
 */
export function outerProducts(block: Block, { from, below }: Range): void {
  const { region, matmul } = block
  const { body } = region
  const rowBytes = keep(body, () => {
    emitDim(region, matmul.columns)
    body.i32(WORD)
    body.op('i32.mul')
  })
  const share = rowShare(block)
  const address = resultAddress(block, share.from, rowBytes)
  body.get(share.from)
  forRange(body, share.below, 1, (row) => {
    const next = keep(body, () => combine(body, address, 'i32.add', rowBytes))
    const whole: ResultRow = { row, address, next }
    combine(body, from, 'i32.eq', below)
    body.when(
      () => eachVector(body, whole, () => body.v128([0, 0, 0, 0])),
      () => {
        addProduct(block, whole, from, true)
        const second = keep(body, () => addConstant(body, from, 1))
        body.get(second)
        forRange(body, below, 1, (k) => addProduct(block, whole, k, false))
      },
    )
    body.get(next)
    body.set(address)
  })
}

/** The rows of a workgroup among those of its tile: by the number of its block of columns. */
function rowShare({ region, matmul, tile, first, columns }: Block): Range {
  const { body } = region
  const blocks = keep(body, () => emitDim(region, ceilDivide(matmul.columns, columns)))
  const number = keep(body, () => {
    body.get(first)
    body.i32(columns)
    body.op('i32.div_u')
  })
  const partEnd = (at: number): number =>
    keep(body, () => {
      combine(body, at, 'i32.mul', tile.count)
      body.get(blocks)
      body.op('i32.div_u')
    })
  return { from: partEnd(number), below: partEnd(keep(body, () => addConstant(body, number, 1))) }
}

/** The local of the address of a row of the tile in the result. */
function resultAddress({ region, matmul, tile }: Block, row: number, rowBytes: number): number {
  const { body } = region
  return keep(body, () => {
    tile.firstNumber()
    body.get(row)
    body.op('i32.add')
    body.get(rowBytes)
    body.op('i32.mul')
    body.get(region.buffers.get(storedSum(matmul)!)!.address)
    body.op('i32.add')
  })
}

/** Locals of a row's place in its tile, of its address in the result, and of that of the next one. */
interface ResultRow {
  readonly row: number
  readonly address: number
  readonly next: number
}

/** Stores what is emitted for each vector of a row, of which `at` holds the address but for its place `v`; */
function eachVector(body: FunctionBody, { address, next }: ResultRow, emit: (at: number, v: number) => void): void {
  body.get(address)
  forRange(body, next, PANEL * WORD, (at) => {
    for (let v = 0; v < VECTORS; v++) {
      body.get(at)
      emit(at, v)
      body.store('v128.store', v * GANG * WORD)
    }
  })
}

/** Adds the product at an index of K to a row, or to zeros where it is the first. */
function addProduct(block: Block, whole: ResultRow, k: number, isFirst: boolean): void {
  const { region, matmul, tile } = block
  const { body } = region
  const { left } = matmul
  const [right] = matmul.rights
  const lineAddress = (operand: Operand): number => {
    if (operand.layout !== 'mn-major') throw new Error('operands of a weight gradient are MN-major')
    const base = keep(body, () => addressOf(region, operand, { expert: tile.expert }))
    return keep(body, () => mnAddress(region, matmul, operand, base, k))
  }
  const rows = lineAddress(left)
  const columns = lineAddress(right)
  const [a, b, sum] = [body.local('v128'), body.local('v128'), body.local('v128')]
  combine(body, tile.firstRow!, 'i32.add', whole.row)
  toAddress(body, rows)
  body.load('v128.load32_splat')
  body.set(a)
  // one address serves both rows
  const distance = keep(body, () => combine(body, columns, 'i32.sub', whole.address))
  const from = body.local('i32')
  eachVector(body, whole, (at, v) => {
    if (v === 0) {
      combine(body, at, 'i32.add', distance)
      body.set(from)
    }
    body.get(from)
    body.load('v128.load', v * GANG * WORD)
    body.set(b)
    if (isFirst) body.v128([0, 0, 0, 0])
    else {
      body.get(at)
      body.load('v128.load', v * GANG * WORD)
    }
    body.set(sum)
    accumulate(block, sum, a, b)
    body.get(sum)
  })
}
