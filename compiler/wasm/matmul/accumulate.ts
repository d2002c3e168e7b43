/** Sums in registers. */
import type { FunctionBody } from '../function.ts'
import type { Block } from './block.ts'

/** sum += a * b, all on the locals given. */
export function accumulate({ region: { body }, isRelaxed }: Block, sum: number, a: number, b: number): void {
  if (isRelaxed) {
    body.get(a)
    body.get(b)
    body.get(sum)
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

/** New locals of vectors of zeros. */
export function zeros(body: FunctionBody, count: number): readonly number[] {
  return Array.from({ length: count }, () => {
    const local = body.local('v128')
    body.v128([0, 0, 0, 0])
    body.set(local)
    return local
  })
}
