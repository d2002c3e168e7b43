/**
 * Weight gradients of an expert with few rows: the outer product of each row is added straight to the result, with neither packed
 * operands nor sums beside it. Each element is the sum that `outer.ts` makes: from 0 on, in ascending order of K.
 */
import { constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, toAddress, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate } from './accumulate.ts'
import { entry, type Block } from './block.ts'
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

/** Writes the block of a matmul that has the template: zeros where the range is empty. */
export function outerProducts(block: Block, { from, below }: Range): void {
  const { body } = block.region
  const result = resultAddress(block)
  combine(body, from, 'i32.eq', below)
  body.when(
    () => eachVector(block, result, () => body.v128([0, 0, 0, 0])),
    () => {
      addProduct(block, result, from, true)
      addConstant(body, from, 1)
      forRange(body, below, 1, (k) => addProduct(block, result, k, false))
    },
  )
}

/** The local of the address of the block's first element in the result. */
function resultAddress({ region, matmul, tile, first }: Block): number {
  const { body } = region
  return keep(body, () => {
    tile.firstNumber()
    emitDim(region, matmul.columns)
    body.op('i32.mul')
    body.get(first)
    body.op('i32.add')
    toAddress(body, region.buffers.get(storedSum(matmul)!)!.address)
  })
}

/** Locals of where a vector is: a row and a panel of columns of the block, and the vector's address but for its place `v`. */
interface Place {
  readonly row: number
  readonly address: number
  readonly v: number
}

/** Stores what is emitted for each vector of the block, row by row of a panel; `begin` runs before each panel. */
function eachVector(
  { region, matmul, tile, first, end }: Block,
  result: number,
  emit: (place: Place) => void,
  begin: () => void = () => {},
): void {
  const { body } = region
  const rowBytes = keep(body, () => {
    emitDim(region, matmul.columns)
    body.i32(WORD)
    body.op('i32.mul')
  })
  const panel = keep(body, () => body.get(result))
  body.get(first)
  forRange(body, end, PANEL, () => {
    begin()
    const address = keep(body, () => body.get(panel))
    body.i32(0)
    forRange(body, tile.count, 1, (row) => {
      for (let v = 0; v < VECTORS; v++) {
        body.get(address)
        emit({ row, address, v })
        body.store('v128.store', v * GANG * WORD)
      }
      combine(body, address, 'i32.add', rowBytes)
      body.set(address)
    })
    addConstant(body, panel, PANEL * WORD)
    body.set(panel)
  })
}

/** Adds the outer product at an index of K to the block, or to zeros where it is the first. */
function addProduct(block: Block, result: number, k: number, isFirst: boolean): void {
  const { region, matmul, tile, first } = block
  const { body } = region
  const { left } = matmul
  const [right] = matmul.rights
  const lineAddress = (operand: Operand, line: number): number => {
    if (operand.layout !== 'mn-major') throw new Error('operands of a weight gradient are MN-major')
    const base = keep(body, () => {
      addressOf(region, operand, { expert: tile.expert })
      scale(body, line, WORD)
      body.op('i32.add')
    })
    return keep(body, () => mnAddress(region, matmul, operand, base, k))
  }
  const rows = lineAddress(left, tile.firstRow!)
  const columns = lineAddress(right, first)
  const [a, sum] = [body.local('v128'), body.local('v128')]
  const loaded = Array.from({ length: VECTORS }, () => body.local('v128'))
  const loadColumns = (): void => {
    loaded.forEach((b, v) => {
      body.get(columns)
      body.load('v128.load', v * GANG * WORD)
      body.set(b)
    })
    addConstant(body, columns, PANEL * WORD)
    body.set(columns)
  }
  eachVector(
    block,
    result,
    ({ row, address, v }) => {
      if (v === 0) {
        entry(body, rows, row)
        body.op('i32x4.splat')
        body.set(a)
      }
      if (isFirst) body.v128([0, 0, 0, 0])
      else {
        body.get(address)
        body.load('v128.load', v * GANG * WORD)
      }
      body.set(sum)
      accumulate(block, sum, a, loaded[v])
      body.get(sum)
    },
    loadColumns,
  )
}
