/** Reductions over one axis. */
import type { Node } from '../../graph/node.ts'
import { NONE } from '../../ops/build.ts'
import type { Maker } from '../../ops/maker.ts'
import { rule, type GradientRule, type GradientRules } from '../rule.ts'

/** Broadcasts a reduced value back along the axis that was reduced. */
function beside(make: Maker, folded: Node, x: Node, axis: number): Node {
  const axes = x.shape.map((_, at) => at).filter((at) => at !== axis)
  return make.broadcast(folded, x.shape, axes)
}

const extreme: GradientRule<'max'> & GradientRule<'min'> = rule(
  'dx = dy, shared among the elements equal to y',
  (make, node: Node & { op: 'max' | 'min' }, dy) => {
    const [x] = node.inputs
    const { axis } = node.params
    const isChosen = make('equal', [x, beside(make, node as Node, x, axis)], NONE)
    const count = make('sum', [make('cast', [isChosen], { dtype: 'f32' })], { axis })
    return [make.where(isChosen, beside(make, make.divide(dy, count), x, axis))]
  },
)

export const reductions: GradientRules<'sum' | 'max' | 'min'> = {
  sum: rule('dx = dy for every element', (make, { inputs: [x], params: { axis } }, dy) => [beside(make, dy, x, axis)]),
  max: extreme,
  min: extreme,
}
