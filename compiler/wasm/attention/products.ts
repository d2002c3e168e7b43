/**
 * Sums of products of a panel and a pack: two gangs and four columns in registers, eight sums, six operands and a product, which
 * is as many as V8 has registers for on x86.
 */
import type { FunctionBody } from '../function.ts'
import { addConstant, keep, WORD } from '../integers.ts'
import { BLOCK, keepVector, loadVector, PAIR, VECTOR } from './frame.ts'

const COLUMNS = 4

/** The left operand of a pair of gangs: a panel that has `depth` vectors a gang, from the local `address` on. */
export interface Left {
  readonly address: number
  readonly depth: number
}

/** The right operand, a pack: bytes between neighbours along the depth, and between columns. */
interface Right {
  readonly address: number
  readonly step: number
  readonly columnStep: number
}

/** The sums of a pair, a panel that has `columns` vectors a gang. */
interface Sums {
  readonly address: number
  readonly columns: number
  /** Whether they are added to what is there, times the locals of one vector a gang; null for a factor of 1. */
  readonly onto: { readonly factors: readonly number[] | null } | null
}

/** `to`[row][other] = the product of a row of a panel and a row of a pack, along their channels. */
export function multiplyRows(body: FunctionBody, rows: Left, pack: number, to: number, isRelaxed: boolean): void {
  const right = { address: pack, step: WORD, columnStep: rows.depth * WORD }
  multiplyPair(body, rows, right, { address: to, columns: BLOCK, onto: null }, isRelaxed)
}

/** Adds the rows of a pack, each times what `scores` has for it, to a panel, whose vectors are scaled by `factors` before. */
export function addRows(
  body: FunctionBody,
  scores: number,
  pack: number,
  to: { readonly address: number; readonly width: number; readonly factors: readonly number[] | null },
  isRelaxed: boolean,
): void {
  const { address, width, factors } = to
  const right = { address: pack, step: width * WORD, columnStep: WORD }
  multiplyPair(body, { address: scores, depth: BLOCK }, right, { address, columns: width, onto: { factors } }, isRelaxed)
}

/** sums[gang][column] = sum over d of left[gang][d] * right[d][column]. */
function multiplyPair(body: FunctionBody, left: Left, right: Right, sums: Sums, isRelaxed: boolean): void {
  const whole = sums.columns - (sums.columns % COLUMNS)
  if (whole > 0) {
    const [b, out] = [keep(body, () => body.get(right.address)), keep(body, () => body.get(sums.address))]
    const end = keep(body, () => addConstant(body, right.address, whole * right.columnStep))
    body.loop(() => {
      tile(body, left, { ...right, address: b }, { ...sums, address: out }, COLUMNS, isRelaxed)
      addConstant(body, out, COLUMNS * VECTOR)
      body.set(out)
      addConstant(body, b, COLUMNS * right.columnStep)
      body.tee(b)
      body.get(end)
      body.op('i32.lt_u')
      body.branchIf(0)
    })
  }
  if (whole === sums.columns) return
  const b = keep(body, () => addConstant(body, right.address, whole * right.columnStep))
  const out = keep(body, () => addConstant(body, sums.address, whole * VECTOR))
  tile(body, left, { ...right, address: b }, { ...sums, address: out }, sums.columns - whole, isRelaxed)
}

function tile(
  body: FunctionBody,
  left: Left,
  right: Right,
  { address, columns, onto }: Sums,
  count: number,
  isRelaxed: boolean,
): void {
  const place = (gang: number, column: number): number => (gang * columns + column) * VECTOR
  const gangs = Array.from({ length: PAIR }, (_, gang) => gang)
  const totals = gangs.map((gang) =>
    Array.from({ length: count }, (_, column) => {
      if (onto === null) return keepVector(body, () => body.v128([0, 0, 0, 0]))
      const before = loadVector(body, address, place(gang, column))
      const { factors } = onto
      if (factors === null) return before
      return keepVector(body, () => {
        body.get(before)
        body.get(factors[gang])
        body.op('f32x4.mul')
      })
    }),
  )
  const a = keep(body, () => body.get(left.address))
  const b = keep(body, () => body.get(right.address))
  const end = keep(body, () => addConstant(body, left.address, left.depth * VECTOR))
  const loaded = gangs.map(() => body.local('v128'))
  const factor = body.local('v128')
  body.loop(() => {
    loaded.forEach((local, gang) => {
      body.get(a)
      body.load('v128.load', gang * left.depth * VECTOR)
      body.set(local)
    })
    for (let column = 0; column < count; column++) {
      body.get(b)
      body.load('v128.load32_splat', column * right.columnStep)
      body.set(factor)
      loaded.forEach((local, gang) => multiplyAdd(body, totals[gang][column], local, factor, isRelaxed))
    }
    addConstant(body, b, right.step)
    body.set(b)
    addConstant(body, a, VECTOR)
    body.tee(a)
    body.get(end)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
  totals.forEach((ofGang, gang) =>
    ofGang.forEach((total, column) => {
      body.get(address)
      body.get(total)
      body.store('v128.store', place(gang, column))
    }),
  )
}

/** sum += a * b, of locals. */
export function multiplyAdd(body: FunctionBody, sum: number, a: number, b: number, isRelaxed: boolean): void {
  if (isRelaxed) {
    for (const operand of [a, b, sum]) body.get(operand)
    body.op('f32x4.relaxed_madd')
  } else {
    body.get(sum)
    body.get(a)
    body.get(b)
    body.op('f32x4.mul')
    body.op('f32x4.add')
  }
  body.set(sum)
}
