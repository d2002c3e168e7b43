/** Tensors that exceed a binding lie in several parts. */
import { constantValue, product } from '../../plan/dim.ts'
import type { Target } from '../../plan/target.ts'
import type { Node } from '../graph/node.ts'

/** How a node's values are cut where they exceed a binding; sizes that depend on the inputs are checked when they are known. */
export function partsOf(node: Node, target: Target): { readonly parts: number; readonly partElements: number | null } {
  const elements = constantValue(product(node.shape))
  const most = Math.floor(target.maxBindingBytes / 4)
  if (elements === undefined || elements <= most) return { parts: 1, partElements: null }
  // whole rows of the leading axis stay together where they fit, so that an expert lies in one part
  const row = elements / (constantValue(node.shape[0]) ?? 1)
  const unit = row <= most && row % 4 === 0 ? row : 4
  const partElements = Math.floor(most / unit) * unit
  return { parts: Math.ceil(elements / partElements), partElements }
}
