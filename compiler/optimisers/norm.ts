/** The global norm of all gradients. */
import { constantValue, dim, product } from '../../plan/dim.ts'
import { BUCKET_ROW } from '../../plan/update.ts'
import type { Maker } from '../ops/maker.ts'
import type { Node } from '../graph/node.ts'
import { NONE } from '../ops/build.ts'

/** f32 []: the sum of squares, first along rows; a long vector is reshaped to rows. */
function squared(make: Maker, x: Node): Node {
  const size = constantValue(product(x.shape))!
  const rows =
    x.shape.length === 1 && size > BUCKET_ROW && size % BUCKET_ROW === 0
      ? make.reshape(x, [dim(size / BUCKET_ROW), dim(BUCKET_ROW)])
      : x
  const squares = make.multiply(rows, rows)
  const sums = rows.shape.length < 2 ? squares : make('sum', [squares], { axis: rows.shape.length - 1 })
  return make('sum', [make.reshape(sums, [product(sums.shape)])], { axis: 0 })
}

/** A tree of sums, so that no kernel reads all of them. */
function total(make: Maker, parts: readonly Node[]): Node {
  if (parts.length === 1) return parts[0]
  const half = Math.ceil(parts.length / 2)
  return make.add(total(make, parts.slice(0, half)), total(make, parts.slice(half)))
}

/** f32 []: the root of the sum of the squares of all elements. */
export const globalNorm = (make: Maker, tensors: readonly Node[]): Node =>
  make(
    'sqrt',
    [
      total(
        make,
        tensors.map((x) => squared(make, x)),
      ),
    ],
    NONE,
  )
