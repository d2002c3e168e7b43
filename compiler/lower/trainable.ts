/** What a gradient of some nodes comes to: none goes through what is flat, nor through what is no f32. */
import type { Node } from '../graph/node.ts'
import { recordOf } from '../ops/records.ts'

/** The names of the weights. */
export function trainableFrom(roots: readonly Node[]): ReadonlySet<string> {
  const seen = new Set<Node>(roots)
  for (const node of seen)
    if (recordOf(node.op).isFlat !== true) for (const input of node.inputs) if (input.dtype === 'f32') seen.add(input)
  return new Set([...seen].flatMap((node) => (node.op === 'weight' ? [node.params.name] : [])))
}
