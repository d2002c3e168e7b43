/** The operands of a product in memory: where each element of its left and its right side is, K-major or MN-major. */
import { multiply as multiplyDims } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression } from '../../scalar/expression.ts'
import { add, cast, multiply, size } from '../../scalar/build.ts'
import type { KernelScope } from '../scope/context.ts'
import type { Operand } from '../ir/matmul.ts'
import { isDivisibleBy4, type MatmulView } from './matmul-view.ts'

/** What is read for a number, where it is looked up. */
const lookUp = (ids: Node | null, scope: KernelScope): ((at: Expression) => Expression) | null =>
  ids === null ? null : (at) => cast('u32', scope.accessor.at(ids, [at]))

export function leftOperand(view: MatmulView, scope: KernelScope): Operand {
  const { left, depth, sourceRow } = view
  const buffer = scope.bufferOf(left)
  const place = lookUp(sourceRow, scope)
  if (view.leftAlong === 'depth') {
    return {
      along: 'depth',
      buffer,
      start: (_, row) => multiply(place === null ? row : place(row), size(depth)),
      aligned: isDivisibleBy4(depth),
    }
  }
  const { rowsEach: lines } = view
  const start = (expert: Expression): Expression =>
    view.kind === 'batched' ? multiply(expert, size(multiplyDims(depth, lines))) : size(0)
  return { along: 'lines', buffer, start, stride: lines, place, aligned: isDivisibleBy4(lines) }
}

export function rightOperand(view: MatmulView, scope: KernelScope): Operand {
  const { right, columns, depth } = view
  const buffer = scope.bufferOf(right)
  if (view.rightAlong === 'depth') {
    const start = (expert: Expression, column: Expression): Expression =>
      multiply(add(multiply(expert, size(columns)), column), size(depth))
    return { along: 'depth', buffer, start, aligned: isDivisibleBy4(depth) }
  }
  const isShared = view.kind === 'dense' || view.kind === 'outer'
  const start = (expert: Expression): Expression => (isShared ? size(0) : multiply(expert, size(multiplyDims(depth, columns))))
  return { along: 'lines', buffer, start, stride: columns, place: lookUp(view.rightRow, scope), aligned: isDivisibleBy4(columns) }
}
