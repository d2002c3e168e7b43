/** The length of all gradients together. */
import { product } from '../../plan/dim.ts'
import type { Tape } from '../autodiff/rule.ts'
import type { Node } from '../graph/node.ts'
import { NONE } from '../ops/build.ts'

/** f32 [1]: the sum of the squares. */
function squared(tape: Tape, x: Node): Node {
  const squares = tape.multiply(x, x)
  const rows = x.shape.length < 2 ? squares : tape.make('sum', [squares], { axis: x.shape.length - 1 })
  const flat = tape.reshape(rows, [product(rows.shape)])
  return tape.reshape(tape.make('sum', [flat], { axis: 0 }), [product([])])
}

/** f32 []: the root of the sum of the squares of all elements. */
export function globalNorm(tape: Tape, tensors: readonly Node[]): Node {
  const parts = tensors.map((x) => squared(tape, x))
  const all = parts.length === 1 ? parts[0] : tape.make('concat', parts, { axis: 0 })
  return tape.make('sqrt', [tape.make('sum', [all], { axis: 0 })], NONE)
}
