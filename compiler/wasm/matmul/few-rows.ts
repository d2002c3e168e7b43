/**
 * Sums of few rows whose right operands are MN-major: each is read once and as it is in memory, four elements of K at a time over
 * all columns of the block, so that processors prefetch. The sums are in memory, which the first cache holds; each is made as
 * `outer.ts` makes it: from 0 on, in ascending order of K.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate } from './accumulate.ts'
import { clearSums, entry, forRowPairs, sumsAddress, sumsRow, type Block } from './block.ts'
import { addressOf, isPlain } from './operands.ts'
import type { Storages } from './stored.ts'

/** Columns of a workgroup: enough that neighbours in memory follow each other. */
export const FEW_ROWS_COLUMNS = 128
/** Elements of K that are read together. */
const TOGETHER = 4

/** Whether the template fits. */
export const hasFewRows = (buffers: Storages, matmul: Matmul): boolean =>
  matmul.rowGrouping.kind === 'lookup' &&
  matmul.left.layout === 'k-major' &&
  matmul.rights.every((right) => isPlain(buffers, matmul, right))

/** The sums of the block of a matmul that has the template. */
export function fewRowsSums(block: Block): void {
  const { region, matmul } = block
  const { body } = region
  clearSums(block)
  const k = keep(body, () => emitDim(region, matmul.k))
  const whole = keep(body, () => {
    body.get(k)
    body.i32(-TOGETHER)
    body.op('i32.and')
  })
  body.i32(0)
  forRange(body, whole, TOGETHER, (at) => addProducts(block, at, TOGETHER))
  body.get(whole)
  forRange(body, k, 1, (at) => addProducts(block, at, 1))
}

/** Adds the products at some elements of K, from the local `at` on, to the sums of all rows. */
function addProducts(block: Block, at: number, count: number): void {
  const { region, matmul } = block
  const { body } = region
  matmul.rights.forEach((right, p) => {
    const columns = columnAddresses(block, right, at, count)
    forRowPairs(block, (index, rows) => {
      const left = Array.from({ length: rows }, (_, r) => {
        const address = keep(body, () => {
          entry(body, block.leftRows, index, r)
          scale(body, at, WORD)
          body.op('i32.add')
        })
        return Array.from({ length: count }, (_, j) => {
          const a = body.local('v128')
          body.get(address)
          body.load('v128.load32_splat', j * WORD)
          body.set(a)
          return a
        })
      })
      addToRows(
        block,
        keep(body, () => sumsAddress(block, p, index, block.first)),
        left,
        columns,
      )
    })
  })
}

/** Locals of where the first column of the block is at each of the elements of K. */
function columnAddresses({ region, matmul, tile, first }: Block, right: Operand, at: number, count: number): readonly number[] {
  const { body } = region
  if (!isPlain(region.buffers, matmul, right)) throw new Error('the right operand is not read as it is in memory')
  const bytes = keep(body, () => {
    emitDim(region, right.stride)
    body.i32(WORD)
    body.op('i32.mul')
  })
  const start = keep(body, () => {
    addressOf(region, right, { expert: tile.expert })
    combine(body, at, 'i32.mul', bytes)
    body.op('i32.add')
    scale(body, first, WORD)
    body.op('i32.add')
  })
  return Array.from({ length: count }, (_, j) =>
    keep(body, () => {
      body.get(start)
      scale(body, bytes, j)
      body.op('i32.add')
    }),
  )
}

/** Adds to the sums of one or two rows at an address, four columns at a time; `left` has the locals of each row's elements. */
function addToRows(block: Block, sums: number, left: readonly (readonly number[])[], columns: readonly number[]): void {
  const { region, first, end } = block
  const { body } = region
  const loaded = columns.map(() => body.local('v128'))
  const totals = left.map(() => body.local('v128'))
  const offset = keep(body, () => body.i32(0))
  const bytes = keep(body, () => {
    combine(body, end, 'i32.sub', first)
    body.i32(WORD)
    body.op('i32.mul')
  })
  body.loop(() => {
    columns.forEach((column, j) => {
      combine(body, column, 'i32.add', offset)
      body.load('v128.load')
      body.set(loaded[j])
    })
    const at = keep(body, () => combine(body, sums, 'i32.add', offset))
    totals.forEach((total, r) => {
      body.get(at)
      body.load('v128.load', r * sumsRow(block))
      body.set(total)
      left[r].forEach((a, j) => accumulate(block, total, a, loaded[j]))
      body.get(at)
      body.get(total)
      body.store('v128.store', r * sumsRow(block))
    })
    addConstant(body, offset, GANG * WORD)
    body.tee(offset)
    body.get(bytes)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
}
