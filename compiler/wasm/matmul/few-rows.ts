/**
 * Sums of few rows whose right operands are MN-major: each is read as it is in memory, eight elements of K at a time over
 * all columns of the block, so that processors prefetch. The sums are in memory, which the first cache holds; each is made as
 * `outer.ts` makes it: from 0 on, in ascending order of K.
 */
import { constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate } from './accumulate.ts'
import { clearSums, entry, sumsAddress, type Block } from './block.ts'
import { addressOf, isPlain } from './operands.ts'
import type { Storages } from './stored.ts'
import type { Range } from './tiles.ts'

/** Columns of a workgroup: enough that neighbours in memory follow each other. */
export const FEW_ROWS_COLUMNS = 256
/** Elements of K that are read together: their factors fill half of the registers. */
const TOGETHER = 8
/** Elements from one element of K to the next, below which a load has room for the bytes of some of them. */
const FAR = 2 ** 24

/** Whether the template fits: elements of K are a known distance apart. */
export const hasFewRows = (buffers: Storages, matmul: Matmul): boolean =>
  matmul.rowGrouping.kind === 'lookup' &&
  matmul.left.layout === 'k-major' &&
  matmul.rights.every((right) => isPlain(buffers, matmul, right) && (constantValue(right.stride) ?? FAR) < FAR)

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
  const { region, matmul, tile, first, end } = block
  const { body } = region
  matmul.rights.forEach((right, p) => {
    const columns = columnsAt(block, right, at, count)
    body.i32(0)
    forRange(body, tile.count, 1, (index) => {
      const address = keep(body, () => {
        entry(body, block.leftRows, index)
        scale(body, at, WORD)
        body.op('i32.add')
      })
      const left = columns.offsets.map((_, j) => {
        const a = body.local('v128')
        body.get(address)
        body.load('v128.load32_splat', j * WORD)
        body.set(a)
        return a
      })
      const sums = keep(body, () => sumsAddress(block, p, index, first))
      const sumsEnd = keep(body, () => {
        combine(body, end, 'i32.sub', first)
        body.i32(WORD)
        body.op('i32.mul')
        body.get(sums)
        body.op('i32.add')
      })
      addToRow(block, { from: sums, below: sumsEnd }, left, columns)
    })
  })
}

/** Where the first column of the block is at some elements of K: an address in a local, and bytes behind it. */
interface Columns {
  readonly address: number
  readonly offsets: readonly number[]
}

function columnsAt({ region, matmul, tile, first }: Block, right: Operand, at: number, count: number): Columns {
  const { body } = region
  const stride = right.layout === 'mn-major' ? constantValue(right.stride) : undefined
  if (stride === undefined || !isPlain(region.buffers, matmul, right))
    throw new Error('the right operand is not read as it is in memory')
  const address = keep(body, () => {
    addressOf(region, right, { expert: tile.expert })
    scale(body, at, stride * WORD)
    body.op('i32.add')
    scale(body, first, WORD)
    body.op('i32.add')
  })
  return { address, offsets: Array.from({ length: count }, (_, j) => j * stride * WORD) }
}

/** Adds to the sums of a row, four columns at a time; `sums` has addresses, `left` locals of the row's elements. */
function addToRow(block: Block, sums: Range, left: readonly number[], { address, offsets }: Columns): void {
  const { body } = block.region
  const loaded = offsets.map(() => body.local('v128'))
  const total = body.local('v128')
  const pointer = keep(body, () => body.get(address))
  body.get(sums.from)
  forRange(body, sums.below, GANG * WORD, (at) => {
    offsets.forEach((offset, j) => {
      body.get(pointer)
      body.load('v128.load', offset)
      body.set(loaded[j])
    })
    body.get(at)
    body.load('v128.load')
    body.set(total)
    left.forEach((a, j) => accumulate(block, total, a, loaded[j]))
    body.get(at)
    body.get(total)
    body.store('v128.store')
    addConstant(body, pointer, GANG * WORD)
    body.set(pointer)
  })
}
