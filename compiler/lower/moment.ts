/** `step` and `progress`: inputs of a graph of training, once something asks for them. */
import type { MomentName } from '../../plan/formula.ts'
import { MOMENT_INPUTS } from '../../plan/moment.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { Builder } from '../ops/build.ts'

type InputNode = Node<'input'> & { readonly op: 'input' }

export type Moments = Map<MomentName, InputNode>

/** f32 []. */
export function momentNode(builder: Builder, moments: Moments, name: MomentName, origin: Origin): Node {
  const params = { name: MOMENT_INPUTS[name], dtype: 'f32', shape: [] } as const
  const node = moments.get(name) ?? (builder.make('input', [], params, origin) as InputNode)
  moments.set(name, node)
  return node
}
