/** Loops over u32 ranges. */
import type { FunctionBody } from './function.ts'

/** index = from (on the stack), from + step, ... while below the local `below`; `step` is a constant. */
export function forRange(body: FunctionBody, below: number, step: number, each: (index: number) => void): void {
  const index = body.local('i32')
  body.set(index)
  body.block(() =>
    body.loop(() => {
      body.get(index)
      body.get(below)
      body.op('i32.ge_u')
      body.branchIf(1)
      each(index)
      body.get(index)
      body.i32(step)
      body.op('i32.add')
      body.set(index)
      body.branch(0)
    }),
  )
}
