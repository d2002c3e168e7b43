/**
 * Sums of a block whose operands are all K-major: two rows and four columns at a time, four elements of K at a time, a vector of
 * partial sums for each row and column, which are added up at the end. Each sum is made the same way whatever the other rows
 * are, so the tiles that a row falls into never change its bits.
 *
 * The four columns are a quarter of the block apart and each is followed by its neighbour, so that memory is read in four streams
 * far from each other, which processors prefetch.
 *
 * Eight sums, six operands and a product fill the 15 registers that V8 has on x86. It computes all loads of a loop's body
 * first, so more of them, or K unrolled, would spill.
 */
import { constantValue } from '../../../plan/dim.ts'
import { addUp } from '../add-up.ts'
import type { Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import type { FunctionBody } from '../function.ts'
import { addConstant, combine, keep, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate, zeros } from './accumulate.ts'
import { entry, forRowPairs, sumsAddress, sumsRow, type Block } from './block.ts'
import { columnAddresses } from './operands.ts'
import { loadVector, VECTOR_BYTES, vectorBytes } from './stored.ts'

export function innerSums(block: Block): void {
  const { region, matmul, first, end } = block
  const { body } = region
  const bytes = keep(body, () => {
    emitDim(region, matmul.k)
    body.i32(2)
    body.op('i32.shl')
  })
  const whole = keep(body, () => {
    body.get(bytes)
    body.i32(-VECTOR_BYTES)
    body.op('i32.and')
  })
  const known = constantValue(matmul.k)
  const mask = known !== undefined && known % GANG === 0 ? null : tailMask(body, whole, bytes)
  // a quarter of the columns
  const distance = keep(body, () => {
    body.get(end)
    body.get(first)
    body.op('i32.sub')
    body.i32(GANG - 1)
    body.op('i32.add')
    body.i32(Math.log2(GANG))
    body.op('i32.shr_u')
  })
  const quarter = keep(body, () => combine(body, first, 'i32.add', distance))
  const bytesApart = keep(body, () => scale(body, distance, WORD))
  matmul.rights.forEach((right, p) => {
    body.get(first)
    forRange(body, quarter, 1, (column) => {
      const columns = columnAddresses(block, right, column, distance, GANG)
      forRowPairs(block, (index, count) => {
        const rows = Array.from({ length: count }, (_, r) => keep(body, () => entry(body, block.leftRows, index, r)))
        const sums = dots(block, right, rows, columns, whole, mask).map((partial) => addUp(body, partial))
        const out = keep(body, () => sumsAddress(block, p, index, column))
        columns.forEach((_, lane) => {
          sums.forEach((sum, r) => {
            body.get(out)
            body.get(sum)
            body.memoryLane('v128.store32_lane', lane, r * sumsRow(block))
          })
          combine(body, out, 'i32.add', bytesApart)
          body.set(out)
        })
      })
    })
  })
}

/** Ones where elements of K are left behind the last whole vector. */
function tailMask(body: FunctionBody, whole: number, bytes: number): number {
  const mask = body.local('v128')
  body.v128([0, 1, 2, 3].map((place) => place * WORD))
  body.get(bytes)
  body.get(whole)
  body.op('i32.sub')
  body.op('i32x4.splat')
  body.op('i32x4.lt_u')
  body.set(mask)
  return mask
}

/** Partial sums of each row and column, from the locals of their addresses. */
function dots(
  block: Block,
  operand: Operand,
  rows: readonly number[],
  columns: readonly number[],
  whole: number,
  mask: number | null,
): readonly (readonly number[])[] {
  const { region, matmul } = block
  const { body } = region
  const move = (address: number): number => keep(body, () => body.get(address))
  const [left, right] = [rows.map(move), columns.map(move)]
  const sums = left.map(() => zeros(body, right.length))
  const loaded = left.map(() => body.local('v128'))
  const b = body.local('v128')
  const load = (from: Operand, pointer: number, isTail: boolean): void => {
    loadVector(region, matmul, from, pointer)
    if (!isTail) return
    body.get(mask!)
    body.op('v128.and')
  }
  const step = (isTail: boolean): void => {
    left.forEach((pointer, r) => {
      load(matmul.left, pointer, isTail)
      body.set(loaded[r])
    })
    right.forEach((pointer, c) => {
      load(operand, pointer, isTail)
      body.set(b)
      loaded.forEach((a, r) => accumulate(block, sums[r][c], a, b))
    })
  }
  const last = right[right.length - 1]
  const end = keep(body, () => {
    body.get(last)
    body.get(whole)
    const bytes = vectorBytes(region, matmul, operand)
    if (bytes < VECTOR_BYTES) {
      body.i32(Math.log2(VECTOR_BYTES / bytes))
      body.op('i32.shr_u')
    }
    body.op('i32.add')
  })
  combine(body, last, 'i32.lt_u', end)
  body.when(() =>
    body.loop(() => {
      step(false)
      for (const [pointers, from] of [
        [left, matmul.left],
        [right, operand],
      ] as const)
        for (const pointer of pointers) {
          addConstant(body, pointer, vectorBytes(region, matmul, from))
          body.set(pointer)
        }
      combine(body, last, 'i32.lt_u', end)
      body.branchIf(0)
    }),
  )
  if (mask !== null) {
    body.get(mask)
    body.op('v128.any_true')
    body.when(() => step(true))
  }
  return sums
}
