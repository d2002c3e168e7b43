/** Nodes by the kind of their op. */
import type { Node } from '../graph/node.ts'
import { records } from './records.ts'

export const isElementwise = ({ op }: Node): boolean => records[op].kind === 'elementwise'
export const isReduction = ({ op }: Node): boolean => records[op].kind === 'reduction'
export const isMovement = ({ op }: Node): boolean => records[op].kind === 'movement'
export const isCustom = ({ op }: Node): boolean => records[op].kind === 'custom'

/** Whether each element depends only on the elements of the operands at the same row-major place: a reshape, or elementwise. */
export const keepsPlaces = (node: Node): boolean => node.op === 'reshape' || isElementwise(node)
