/** Loops over u32 ranges. */
import type { FunctionBody } from './function.ts'

/**
 * Leaves the loop where what `isOver` leaves on the stack is not 0; returns the local of the index, which begins as
 * what is on the stack.
 */
function loop(body: FunctionBody, step: number, isOver: (index: number) => void, each: (index: number) => void): number {
  const index = body.local('i32')
  body.set(index)
  body.block(() =>
    body.loop(() => {
      isOver(index)
      body.branchIf(1)
      each(index)
      body.get(index)
      body.i32(step)
      body.op('i32.add')
      body.set(index)
      body.branch(0)
    }),
  )
  return index
}

/** index = from (on the stack), from + step, ... while below the local `below`; `step` is a constant. */
export function forRange(body: FunctionBody, below: number, step: number, each: (index: number) => void): void {
  const isOver = (index: number): void => {
    body.get(index)
    body.get(below)
    body.op('i32.ge_u')
  }
  loop(body, step, isOver, each)
}

/** As `forRange`, as long as a whole step lies below; returns the local of the first index that was not reached. */
export function forWhole(body: FunctionBody, below: number, step: number, each: (index: number) => void): number {
  const isOver = (index: number): void => {
    body.get(index)
    body.i32(step)
    body.op('i32.add')
    body.get(below)
    body.op('i32.gt_u')
  }
  return loop(body, step, isOver, each)
}
