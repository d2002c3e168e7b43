/** What lies in memory of a node's values. */
import type { StorageType } from '../../plan/plan.ts'
import type { Node } from '../graph/node.ts'

/** As the host sees them. */
export const plainStorage = ({ dtype }: Node): 'f32' | 'i32' | 'u32' => (dtype === 'bool' ? 'u32' : dtype)

/** Of what is moved about, the values are those of the operand. */
function isHalf(node: Node): boolean {
  switch (node.op) {
    case 'cast_f16':
      return true
    case 'weight':
      return node.params.source.half === true
    case 'reshape':
    case 'transpose':
    case 'broadcast':
    case 'slice':
    case 'take':
      return isHalf(node.inputs[0])
    case 'concat':
      return node.inputs.every(isHalf)
    default:
      return false
  }
}

/** On the device: numbers of f16 in two bytes each. */
export const storageOf = (node: Node): StorageType => (isHalf(node) ? 'f16' : plainStorage(node))
