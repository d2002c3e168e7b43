/** The gradient of an operand of a contraction: dy contracted with the other operand over the free axes of the other. */
import type { Node } from '../../graph/node.ts'
import { contractAxes } from '../../ops/contract.ts'
import type { Maker } from '../../ops/maker.ts'
import { rule, type GradientRules } from '../rule.ts'

/** The free axes of an operand and of the other, as axes of dy: batch axes, free axes of the left, free axes of the right. */
function cotangent(make: Maker, node: Node & { op: 'contract' }, dy: Node, side: 0 | 1): Node {
  const [operand, other] = side === 0 ? node.inputs : [node.inputs[1], node.inputs[0]]
  const own = contractAxes(operand.shape.length, node.params, side)
  const others = contractAxes(other.shape.length, node.params, side === 0 ? 1 : 0)
  const { batch, over } = node.params
  const otherStart = side === 0 ? batch.length + own.free.length : batch.length
  // result axes: batch, free axes of this operand, contracted axes in the order of the other operand
  const back = make('contract', [dy, other], {
    batch: batch.map((pair, at) => [at, pair[side === 0 ? 1 : 0]] as const),
    over: others.free.map((axis, at) => [otherStart + at, axis] as const),
  })
  // transposes the contracted axes back to the order of this operand
  const summed = over.map((pair) => pair[side === 0 ? 1 : 0])
  const inOrder = [...summed].sort((a, b) => a - b)
  const place = (axis: number): number => {
    const inBatch = own.batch.indexOf(axis)
    if (inBatch >= 0) return inBatch
    const free = own.free.indexOf(axis)
    if (free >= 0) return batch.length + free
    return batch.length + own.free.length + inOrder.indexOf(summed[own.over.indexOf(axis)])
  }
  return make.transpose(
    back,
    operand.shape.map((_, axis) => place(axis)),
  )
}

export const contractions: GradientRules<'contract'> = {
  contract: rule('dleft = dy * right, dright = left * dy, summed over the free axes of the other', (make, node, dy) => [
    cotangent(make, node, dy, 0),
    cotangent(make, node, dy, 1),
  ]),
}
