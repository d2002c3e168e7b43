/** The operands of a matmul in memory, K-major or MN-major. */
import { multiply as multiplyDims } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression } from '../../scalar/expression.ts'
import { add, cast, multiply, size } from '../../scalar/build.ts'
import type { KernelScope } from '../scope/context.ts'
import { COLUMN, EXPERT, K_INDEX, ROW, type Operand } from '../ir/matmul.ts'
import { isDivisibleBy4, type MatmulView } from './matmul-view.ts'

/** The row that is gathered at an index. */
const gathered = (ids: Node, at: Expression, { accessor }: KernelScope): Expression => cast('u32', accessor.at(ids, [at]))

const gatherOf = (ids: Node | null, scope: KernelScope): Expression | null =>
  ids === null ? null : gathered(ids, K_INDEX, scope)

export interface Operands {
  readonly left: Operand
  readonly rights: readonly Operand[]
}

/**
 * The operands of sibling matmuls, which share the left one. Their buffers are bound before those of the indices that gather
 * rows.
 */
export function operandsOf(views: readonly MatmulView[], scope: KernelScope): Operands {
  for (const node of [views[0].left, ...views.map(({ right }) => right)]) scope.bufferOf(node)
  const left = leftOperand(views[0], scope)
  return { left, rights: views.map((view) => rightOperand(view, scope)) }
}

function leftOperand(view: MatmulView, scope: KernelScope): Operand {
  const { left, k, sourceRow, rowsEach } = view
  const buffer = scope.bufferOf(left)
  if (view.leftLayout === 'k-major') {
    const row = sourceRow === null ? ROW : gathered(sourceRow, ROW, scope)
    return { layout: 'k-major', buffer, base: multiply(row, size(k)), aligned: isDivisibleBy4(k) }
  }
  const base = view.kind === 'batched' ? multiply(EXPERT, size(multiplyDims(k, rowsEach))) : size(0)
  const gather = gatherOf(sourceRow, scope)
  return { layout: 'mn-major', buffer, base, stride: rowsEach, gather, aligned: isDivisibleBy4(rowsEach) }
}

function rightOperand(view: MatmulView, scope: KernelScope): Operand {
  const { right, columns, k } = view
  const buffer = scope.bufferOf(right)
  if (view.rightLayout === 'k-major') {
    const base = multiply(add(multiply(EXPERT, size(columns)), COLUMN), size(k))
    return { layout: 'k-major', buffer, base, aligned: isDivisibleBy4(k) }
  }
  const isShared = view.kind === 'dense' || view.kind === 'outer'
  const base = isShared ? size(0) : multiply(EXPERT, size(multiplyDims(k, columns)))
  const gather = gatherOf(view.rightRow, scope)
  return { layout: 'mn-major', buffer, base, stride: columns, gather, aligned: isDivisibleBy4(columns) }
}
