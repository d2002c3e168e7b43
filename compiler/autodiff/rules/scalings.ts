/** Gradients of the Sinkhorn scalings and of the singular value decomposition. */
import { ZERO, add, multiply, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Maker } from '../../ops/maker.ts'
import { refused, rule, type GradientRules } from '../rule.ts'

const split = refused('transport is split into iterations after differentiation')

const part = (make: Maker, packed: Node, start: Dim, size: Dim): Node =>
  make('slice', [packed], { starts: [start], sizes: [size], steps: [1] })

export const scalings: GradientRules<'sinkhorn' | 'sinkhorn_gradient' | 'sinkhorn_step' | 'sinkhorn_finish' | 'svd'> = {
  sinkhorn: rule('through every iteration: sinkhorn_gradient', (make, { inputs: [cost, rows, columns], params }, dy) => {
    const [tokens, experts] = cost.shape
    const packed = make('sinkhorn_gradient', [cost, rows, columns, dy], params)
    const entries = multiply(tokens, experts)
    return [
      make.reshape(part(make, packed, ZERO, entries), cost.shape),
      part(make, packed, entries, tokens),
      part(make, packed, add(entries, tokens), experts),
    ]
  }),
  sinkhorn_gradient: refused('second derivatives of transport are not supported'),
  sinkhorn_step: split,
  sinkhorn_finish: split,
  svd: refused('singular vectors are not differentiable where singular values coincide; put stop(...) around it'),
}
