/**
 * Zero flags of a weight gradient. In a batch of few tokens most experts have no row, and the zeros of their gradients are most
 * of what a step writes. A workgroup that leaves zeros sets its flag, a word that lasts until the next execution; one that finds
 * its flag set and has no rows again writes nothing.
 */
import type { Kernel } from '../../kernel/ir/kernel.ts'
import type { FunctionBody } from '../function.ts'
import { combine, keep, toAddress } from '../integers.ts'
import { storedSum } from './stored-sum.ts'
import type { Range } from './tiles.ts'

/** The place of the buffer whose blocks of zeros a kernel flags; null where it flags none. */
export function flaggedBuffer({ buffers, computation }: Kernel): number | null {
  const stored = computation.kind === 'matmul' ? storedSum(computation.matmul) : null
  return stored === null ? null : buffers.findIndex(({ name }) => name === stored)
}

/**
 * Emits `write`, which writes the block of a workgroup, except where the block holds zeros and would again. `flags` is the local
 * of the address of the flags, `range` has the rows of the expert.
 */
export function unlessZeros(
  body: FunctionBody,
  flags: number,
  workgroup: number,
  { from, below }: Range,
  write: () => void,
): void {
  const flag = keep(body, () => {
    body.get(workgroup)
    toAddress(body, flags)
  })
  const isEmpty = keep(body, () => combine(body, from, 'i32.eq', below))
  body.get(isEmpty)
  body.get(flag)
  body.load('i32.load')
  body.op('i32.and')
  body.op('i32.eqz')
  body.when(() => {
    write()
    body.get(flag)
    body.get(isEmpty)
    body.store('i32.store')
  })
}
