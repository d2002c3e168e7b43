/** What the dims of a run have to be for every size to be one and for every slice to stay within its axis. */
import { positionAt } from '../../grammar/source.ts'
import { add, isNeverNegative, multiply, subtract, type Dim } from '../../plan/dim.ts'
import type { Bound } from '../../plan/plan.ts'
import type { Node, Origin } from './node.ts'
import { isOp } from './walk.ts'

type Condition = Omit<Bound, 'size'> & { readonly size: Dim }

const sizesOf = ({ shape }: Node): readonly Condition[] =>
  shape.map((size) => ({ size, what: `the size ${size.key} is below 0` }))

function sliceConditions({
  params: { starts, sizes, steps },
  inputs: [{ shape }],
}: Extract<Node, { readonly op: 'slice' }>): readonly Condition[] {
  return shape.flatMap((extent, axis): readonly Condition[] => {
    const [start, size, step] = [starts[axis], sizes[axis], steps[axis]]
    // of no elements, the last would be a step before the first
    const end = add(start, multiply(subtract(size, 1), step))
    return [
      { size: start, what: `the first index, ${start.key}, is before the axis` },
      { size: subtract(subtract(extent, end), 1), what: `the last index, ${end.key}, is outside an axis of ${extent.key}` },
    ]
  })
}

function placeText({ span }: Origin): string {
  if (span === null) return ''
  const { line, column } = positionAt(span.source, span.start)
  return `${span.source.path}:${line}:${column}: `
}

/** Each once, in the order of the nodes; those that hold for any dims are left out. */
export function boundsOf(nodes: readonly Node[]): readonly Bound[] {
  const found = new Map<string, Bound>()
  for (const node of nodes) {
    const conditions = isOp(node, 'slice') ? [...sizesOf(node), ...sliceConditions(node)] : sizesOf(node)
    for (const { size, what } of conditions) {
      if (isNeverNegative(size) || found.has(size.key)) continue
      found.set(size.key, { size: size.key, what: `${placeText(node.origin)}${what}` })
    }
  }
  return [...found.values()]
}
