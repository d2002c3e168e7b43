/** Computing before repeating. */
import type { Node } from '../../graph/node.ts'
import type { OpName } from '../../graph/vocabulary.ts'
import { records } from '../../ops/records.ts'
import { rule, type Rule } from '../rewrite.ts'
import { isOp, sameShape, type Maker } from './match.ts'

type Broadcast = Extract<Node, { readonly op: 'broadcast' }>

const ELEMENTWISE = (Object.keys(records) as OpName[]).filter((op) => records[op].kind === 'elementwise')

const isScalar = (node: Broadcast): boolean => node.inputs[0].shape.length === 0

/** The operand under another broadcast's: itself, or its scalar repeated to that shape. */
function under(node: Broadcast, pattern: Broadcast, make: Maker): Node {
  const [inner] = pattern.inputs
  if (!isScalar(node) || inner.shape.length === 0) return node.inputs[0]
  return make('broadcast', [node.inputs[0]], { shape: inner.shape, axes: [] })
}

const samePlaces = (a: Broadcast, b: Broadcast): boolean =>
  a.params.axes.join() === b.params.axes.join() && sameShape(a.inputs[0].shape, b.inputs[0].shape)

export const broadcastHoisting: readonly Rule[] = [
  rule('hoist-above-broadcast', ELEMENTWISE, 'f(broadcast(a), broadcast(b))  ==>  broadcast(f(a, b))', (node, make) => {
    const operands = node.inputs.filter((input) => isOp(input, 'broadcast'))
    if (operands.length < node.inputs.length) return null
    const pattern = operands.find((operand) => !isScalar(operand)) ?? operands[0]
    if (!operands.every((operand) => isScalar(operand) || samePlaces(operand, pattern))) return null
    const inner = make(
      node.op,
      operands.map((operand) => under(operand, pattern, make)),
      node.params as never,
    )
    return make('broadcast', [inner], pattern.params)
  }),
]
