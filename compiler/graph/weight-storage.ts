/** How the values of a node are stored. */
import { constantValue } from '../../plan/dim.ts'
import { storageIn, type WeightStorage } from '../../plan/storage/formats.ts'
import type { Node } from './node.ts'

/** The storage of a weight in a format other than f32, as a field; nothing of any other node. */
export function weightStorage(node: Node): { readonly storage?: WeightStorage } {
  if (node.op !== 'weight' || node.params.source.format === undefined) return {}
  const row = node.shape.length === 0 ? 1 : constantValue(node.shape[node.shape.length - 1])!
  return { storage: storageIn(node.params.source.format, row) }
}
