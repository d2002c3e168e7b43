/** Tensors that exceed a binding lie in several parts. */
import { constantValue, product } from '../../plan/dim.ts'
import type { Target } from '../../plan/target.ts'
import { formatOf, storedBytes } from '../../plan/storage/formats.ts'
import type { Node } from '../graph/node.ts'
import { weightStorage } from '../graph/weight-storage.ts'

/** How a node's values are cut where they exceed a binding; sizes that depend on the inputs are checked when they are known. */
export function partsOf(node: Node, target: Target): { readonly parts: number; readonly partElements: number | null } {
  const elements = constantValue(product(node.shape))
  const { most, block } = capacityOf(node, target)
  if (elements === undefined || elements <= most) return { parts: 1, partElements: null }
  // whole rows of the leading axis stay together where they fit, so that an expert lies in one part
  const row = elements / (constantValue(node.shape[0]) ?? 1)
  const unit = row <= most && row % block === 0 ? row : block
  const partElements = Math.floor(most / unit) * unit
  return { parts: Math.ceil(elements / partElements), partElements }
}

/** Elements that a binding holds at most, and of how many a part is a multiple, so that it begins with a word. */
function capacityOf(node: Node, { maxBindingBytes }: Target): { readonly most: number; readonly block: number } {
  const { storage } = weightStorage(node)
  if (storage === undefined) return { most: Math.floor(maxBindingBytes / 4), block: 4 }
  const elements = storage.row ?? formatOf(storage.format).elements
  const bytes = storedBytes(storage, elements)
  const blocks = [1, 2, 4].find((count) => (count * bytes) % 4 === 0 && (count * elements) % 4 === 0)!
  return { most: Math.floor(maxBindingBytes / bytes) * elements, block: blocks * elements }
}
