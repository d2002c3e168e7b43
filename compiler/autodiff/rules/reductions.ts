/** Ops that fold one axis away. */
import type { Node } from '../../graph/node.ts'
import { NONE } from '../../ops/build.ts'
import { rule, type GradientRule, type GradientRules, type Tape } from '../rule.ts'

/** A value of what is left, beside each element it was folded from. */
function beside(tape: Tape, folded: Node, x: Node, axis: number): Node {
  const axes = x.shape.map((_, at) => at).filter((at) => at !== axis)
  return tape.spread(folded, x.shape, axes)
}

const extreme: GradientRule<'max'> & GradientRule<'min'> = rule(
  'dx = dy, shared among the elements equal to y',
  (tape, node: Node & { op: 'max' | 'min' }, dy) => {
    const [x] = node.inputs
    const { axis } = node.params
    const isChosen = tape.make('equal', [x, beside(tape, node as Node, x, axis)], NONE)
    const count = tape.make('sum', [tape.make('cast', [isChosen], { dtype: 'f32' })], { axis })
    return [tape.where(isChosen, beside(tape, tape.divide(dy, count), x, axis))]
  },
)

export const reductions: GradientRules<'sum' | 'max' | 'min'> = {
  sum: rule('dx = dy for every element', (tape, { inputs: [x], params: { axis } }, dy) => [beside(tape, dy, x, axis)]),
  max: extreme,
  min: extreme,
}
