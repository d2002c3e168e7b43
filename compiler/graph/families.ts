/** Families of ops that several rooms ask for, and the walk through ops that only move elements. */
import type { Node } from './node.ts'
import type { OpName } from './vocabulary.ts'

const MATMULS: ReadonlySet<OpName> = new Set<OpName>(['contract', 'grouped_matmul', 'grouped_weight_gradient'])

/**
 * A GEMM of any kind: dense or batched, grouped by expert, or the weight gradient of a grouped one. Operands 0 and 1 are its
 * factors.
 */
export const isMatmul = ({ op }: Node): boolean => MATMULS.has(op)

/** Movements by index arithmetic alone: no operand holds indices. */
const AXIS = ['reshape', 'transpose', 'broadcast', 'slice'] as const

/** Ops whose elements are elements of operand 0, at other indices. */
export type Movement = (typeof AXIS)[number] | 'take'

export const AXIS_MOVEMENTS: ReadonlySet<OpName> = new Set<Movement>(AXIS)
export const MOVEMENTS: ReadonlySet<OpName> = new Set<Movement>([...AXIS, 'take'])

/** From a node down along operands 0, as long as the ops are of the set: the nodes passed, outermost first. */
export function movementsAbove(node: Node, through: ReadonlySet<OpName>): readonly Node[] {
  const passed: Node[] = []
  for (let at = node; through.has(at.op); at = at.inputs[0]) passed.push(at)
  return passed
}

/** The node that the elements come from: behind the movements of the set. */
export const movedFrom = (node: Node, through: ReadonlySet<OpName>): Node =>
  movementsAbove(node, through).at(-1)?.inputs[0] ?? node
