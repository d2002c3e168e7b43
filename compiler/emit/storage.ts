/** The storage type of a node's values. */
import type { StorageType } from '../../plan/plan.ts'
import { MOVEMENTS } from '../graph/families.ts'
import type { Node } from '../graph/node.ts'

/** The type on the host. */
export const plainStorage = ({ dtype }: Node): 'f32' | 'i32' | 'u32' => (dtype === 'bool' ? 'u32' : dtype)

/** Movement ops have the storage of their operand. */
function isHalf(node: Node): boolean {
  if (MOVEMENTS.has(node.op)) return isHalf(node.inputs[0])
  switch (node.op) {
    case 'cast_f16':
      return true
    case 'variable':
      return node.params.role.kind === 'f16_copy'
    case 'concat':
      return node.inputs.every(isHalf)
    default:
      return false
  }
}

/** The type on the device, f16 included. */
export const storageOf = (node: Node): StorageType => (isHalf(node) ? 'f16' : plainStorage(node))
