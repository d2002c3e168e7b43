/**
 * Whether each position depends on earlier ones by what is kept of them alone. A run that continues a sequence is given the new
 * tokens and nothing else, so what else reaches from position to position would give other numbers than a run of the whole.
 */
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Span } from '../../grammar/source.ts'
import { symbolsOf, ZERO, type Dim } from '../../plan/dim.ts'
import { PAST_TOKENS } from '../../plan/state-inputs.ts'
import { AXIS_MOVEMENTS } from '../graph/families.ts'
import type { Graph, Node, Origin } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { isOp, reachable } from '../graph/walk.ts'
import { contractAxes } from '../ops/contract.ts'

export interface MixedPositions {
  /** What reaches from one position to another: `a sum over positions`. */
  readonly what: string
  readonly origin: Origin
}

export const mixedDiagnostic = ({ what, origin }: MixedPositions, place: Span): Diagnostic => ({
  code: 'SMOE6006',
  severity: 'error',
  message: `${what} in ${origin.instance || 'the model'}: a run that continues a sequence is given the new tokens alone`,
  span: origin.span ?? place,
  related: [],
  help: 'run the whole sequence each time, or keep what is needed with `cached` or `with_previous`',
  fix: null,
})

type IsOpen = (size: Dim) => boolean

/** The operand along an axis of which an op mixes elements, and what it does there. */
function mixing(node: Node, isOpen: IsOpen): string | null {
  const { op, inputs } = node
  switch (op) {
    case 'sum':
    case 'max':
    case 'min':
      return isOpen(inputs[0].shape[node.params.axis]) ? `a ${op === 'sum' ? 'sum' : `${op}imum`} over positions` : null
    case 'contract':
      return ([0, 1] as const).some((side) =>
        contractAxes(inputs[side].shape.length, node.params, side).over.some((axis) => isOpen(inputs[side].shape[axis])),
      )
        ? 'a product that sums over positions'
        : null
    case 'concat':
      return isOpen(node.shape[node.params.axis]) && !isKeptRows(inputs[0]) ? 'rows that are joined along positions' : null
    case 'slice':
      return node.params.sizes.some((size, axis) => isCut(node, size, axis, isOpen)) ? 'a slice of the positions' : null
    case 'top_k':
    case 'pick':
      return isOpen(inputs[0].shape.at(-1)!) ? 'a choice among positions' : null
    case 'svd':
      return inputs[0].shape.slice(-2).some(isOpen) ? 'a decomposition over positions' : null
    case 'grouped_weight_gradient':
    case 'segment_sum':
      return isOpen(inputs[0].shape[0]) ? 'a sum over positions' : null
    default:
      return WHOLE[op] !== undefined && inputs[0].shape.some(isOpen) ? WHOLE[op] : null
  }
}

/** Ops whose results depend on all rows of their first operand. */
const WHOLE: { readonly [N in OpName]?: string } = {
  sinkhorn: 'a transport plan of all tokens',
  position_in_expert: 'a capacity that tokens share',
}

/** Rows of an earlier run, zeros in the place of some. */
function isKeptRows(node: Node): boolean {
  if (isOp(node, 'variable')) return true
  return isOp(node, 'select') && isKeptRows(node.inputs[1])
}

/** Whether an axis of positions is cut, and not where rows of earlier runs are in front of it. */
function isCut({ inputs: [x], params }: Node & { op: 'slice' }, size: Dim, axis: number, isOpen: IsOpen): boolean {
  if (!isOpen(x.shape[axis])) return false
  if (isOp(x, 'concat') && x.params.axis === axis && isKeptRows(x.inputs[0])) return params.steps[axis] !== 1
  return params.starts[axis] !== ZERO || size !== x.shape[axis]
}

const isPast = (node: Node): boolean =>
  isOp(node, 'input') ? node.params.name === PAST_TOKENS : AXIS_MOVEMENTS.has(node.op) && isPast(node.inputs[0])

/** Row numbers: the positions of a run, or rows that are read where they are. */
function isRowNumber(iota: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  const follow = (node: Node): boolean =>
    (users.get(node) ?? []).every((user) => {
      if (isOp(user, 'take')) return user.inputs[0] !== node && user.inputs[0].shape[0] === iota.shape[0]
      if (isOp(user, 'add') && user.inputs.some(isPast)) return true
      return (isOp(user, 'add') || AXIS_MOVEMENTS.has(user.op)) && follow(user)
    })
  return follow(iota)
}

/** Rows of a table by position, but for those of the same token. */
function isTakenAcross({ inputs: [table, ids] }: Node, isOpen: IsOpen): boolean {
  if (!isOpen(table.shape[0])) return false
  const hasRowNumber = (node: Node): boolean =>
    isOp(node, 'iota')
      ? node.shape[0] === table.shape[0]
      : (isOp(node, 'add') || AXIS_MOVEMENTS.has(node.op)) && node.inputs.some(hasRowNumber)
  return !hasRowNumber(ids)
}

/** `positions`: the dims that count them. Null where all is well. */
export function mixedPositions({ outputs }: Graph, positions: readonly string[]): MixedPositions | null {
  const isOpen: IsOpen = (size) => symbolsOf(size).some((name) => positions.includes(name))
  const nodes = reachable(outputs.flatMap(({ node, replaces }) => (replaces === undefined ? [node] : [])))
  const users = new Map<Node, Node[]>()
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const known = users.get(input)
      if (known === undefined) users.set(input, [node])
      else known.push(node)
    }
  }
  for (const node of nodes) {
    const what = mixing(node, isOpen)
    if (what !== null) return { what, origin: node.origin }
    if (isOp(node, 'take') && isTakenAcross(node, isOpen)) return { what: 'rows of other positions', origin: node.origin }
    if (isOp(node, 'iota') && isOpen(node.shape[0]) && !isRowNumber(node, users))
      return { what: 'numbers of the rows of a run', origin: node.origin }
  }
  return null
}
