/** Elementwise work on a block of scores: soft cap, exponentials, and loops over the vectors of a block. */
import type { FunctionBody } from '../function.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep } from '../integers.ts'
import { exponential } from '../math/exponential.ts'
import { emitVector, parameter } from '../vector.ts'
import { BLOCK, keepVector, PAIR, VECTOR, type Frame } from './frame.ts'
import { visibilityOf, type Visibility } from './visibility.ts'

/** Bytes of a gang's part of a panel of scores. */
export const SCORES = BLOCK * VECTOR

/** e^x of a local. */
export const exp = (body: FunctionBody, x: number): number => keepVector(body, () => emitVector(body, exponential(parameter(x))))

/** Scores of the cap's argument: cap * tanh(x / cap), of a local. */
export function capped({ body, region, attention: { cap } }: Frame, x: number): number {
  if (cap === 0) return x
  return keepVector(body, () => {
    body.get(x)
    body.f32(1 / cap)
    body.op('f32x4.splat')
    body.op('f32x4.mul')
    body.call(region.functionOf('tanh'))
    body.f32(cap)
    body.op('f32x4.splat')
    body.op('f32x4.mul')
  })
}

/** Runs for each vector of a gang's scores from `address` on; `offset` is the local of its distance in bytes. */
export function forScores(body: FunctionBody, address: number, each: (at: number, offset: number) => void): void {
  const offset = keep(body, () => body.i32(0))
  body.loop(() => {
    each(
      keep(body, () => combine(body, address, 'i32.add', offset)),
      offset,
    )
    addConstant(body, offset, VECTOR)
    body.tee(offset)
    body.i32(SCORES)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
}

/** The row that a vector of scores is paired with: that of the block at its distance. */
export const otherAt = (body: FunctionBody, block: number, offset: number): number =>
  keep(body, () => {
    body.get(offset)
    body.i32(Math.log2(VECTOR))
    body.op('i32.shr_u')
    body.get(block)
    body.op('i32.add')
  })

/** Runs for both gangs of a pair with what tells their rows apart, and again without it where all rows count. */
export function forGangs(
  frame: Frame,
  first: number,
  isWhole: () => void,
  each: (gang: number, visible: Visibility | null) => void,
  r = frame.r,
): void {
  const { body } = frame
  isWhole()
  const gangs = Array.from({ length: PAIR }, (_, gang) => gang)
  body.when(
    () => gangs.forEach((gang) => each(gang, null)),
    () =>
      gangs.forEach((gang) => {
        const own = keep(body, () => addConstant(body, first, gang * GANG))
        each(gang, visibilityOf(frame, own, r))
      }),
  )
}
