/** `step` and `progress`: inputs of a graph of training, once something asks for them. */
import type { ProgressVariable } from '../../plan/formula.ts'
import { PROGRESS_INPUTS } from '../../plan/progress-inputs.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { Builder } from '../ops/build.ts'

type InputNode = Node<'input'> & { readonly op: 'input' }

export type ProgressInputs = Map<ProgressVariable, InputNode>

/** f32 []. */
export function progressInput(builder: Builder, moments: ProgressInputs, name: ProgressVariable, origin: Origin): Node {
  const params = { name: PROGRESS_INPUTS[name], dtype: 'f32', shape: [] } as const
  const node = moments.get(name) ?? (builder.make('input', [], params, origin) as InputNode)
  moments.set(name, node)
  return node
}
