/** The length of all gradients together. */
import { constantValue, dim, product } from '../../plan/dim.ts'
import { BUCKET_ROW } from '../../plan/update.ts'
import type { Tape } from '../autodiff/rule.ts'
import type { Node } from '../graph/node.ts'
import { NONE } from '../ops/build.ts'

/** f32 []: the sum of the squares, first of rows; what is long and without rows is cut into such. */
function squared(tape: Tape, x: Node): Node {
  const size = constantValue(product(x.shape))!
  const rows =
    x.shape.length === 1 && size > BUCKET_ROW && size % BUCKET_ROW === 0
      ? tape.reshape(x, [dim(size / BUCKET_ROW), dim(BUCKET_ROW)])
      : x
  const squares = tape.multiply(rows, rows)
  const sums = rows.shape.length < 2 ? squares : tape.make('sum', [squares], { axis: rows.shape.length - 1 })
  return tape.make('sum', [tape.reshape(sums, [product(sums.shape)])], { axis: 0 })
}

/** In pairs, and those in pairs: no kernel needs to read all of them. */
function total(tape: Tape, parts: readonly Node[]): Node {
  if (parts.length === 1) return parts[0]
  const half = Math.ceil(parts.length / 2)
  return tape.add(total(tape, parts.slice(0, half)), total(tape, parts.slice(half)))
}

/** f32 []: the root of the sum of the squares of all elements. */
export const globalNorm = (tape: Tape, tensors: readonly Node[]): Node =>
  tape.make(
    'sqrt',
    [
      total(
        tape,
        tensors.map((x) => squared(tape, x)),
      ),
    ],
    NONE,
  )
