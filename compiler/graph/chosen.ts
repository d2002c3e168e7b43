/** Inputs whose values are used as numbers of rows or columns. */
import { constantValue, type Dim } from '../../plan/dim.ts'
import type { Node } from './node.ts'
import { isOp } from './walk.ts'

type Input = Extract<Node, { readonly op: 'input' }>

/** The input whose values these are, in another shape at most. */
function inputBehind(node: Node): Input | null {
  if (isOp(node, 'input')) return node
  const isMoved = node.op === 'reshape' || node.op === 'broadcast' || node.op === 'transpose' || node.op === 'slice'
  return isMoved ? inputBehind(node.inputs[0]) : null
}

/** Input -> among how many rows or columns its values choose: of the fewest where there are several, as far as they are numbers. */
export function chosenAmong(nodes: readonly Node[]): ReadonlyMap<Input, Dim> {
  const below = new Map<Input, Dim>()
  for (const node of nodes) {
    if (node.op !== 'take' && node.op !== 'pick') continue
    const [from, ids] = node.inputs
    const input = inputBehind(ids)
    if (input === null) continue
    const [count, before] = [node.op === 'take' ? from.shape[0] : from.shape.at(-1)!, below.get(input)]
    const [value, known] = [constantValue(count), before === undefined ? undefined : constantValue(before)]
    if (before === undefined || (value !== undefined && (known === undefined || value < known))) below.set(input, count)
  }
  return below
}
