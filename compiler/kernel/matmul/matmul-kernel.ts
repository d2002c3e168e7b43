/** Matrix products that share their left operand, with the work on their sums in the epilogue. */
import { constantValue, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isBatchedByExpert } from '../../graph/expert-rows.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, cast, multiply, size, variable } from '../../scalar/build.ts'
import { openScope, type KernelScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import { delinearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import { addressesOf, type DepthGrouping, type Matmul, type RowGrouping } from '../ir/matmul.ts'
import type { Group } from '../group.ts'
import { leftOperand, rightOperand } from './operands.ts'
import { isMatmul, matmulView, type MatmulView } from './matmul-view.ts'

export function matmulKernel(group: Group, context: ScheduleContext): KernelProgram {
  const products = [...group.members].filter(isMatmul).sort((a, b) => a.id - b.id)
  const view = matmulView(products[0])
  const results = context.fusion.results(group)

  // the sums of the element that the epilogue is at, by product
  let sums: readonly Expression[] = []
  const scope = openScope(context, group.members, (node) => {
    const at = products.indexOf(node)
    return at >= 0 ? sums[at] : null
  })
  const epilogue: Matmul['epilogue'] = (values, row, column) => {
    sums = values
    scope.accessor.forget()
    return results.map((node): Statement => ({
      kind: 'store',
      buffer: scope.naming.write(node),
      index: add(multiply(row, size(view.columns)), column),
      value: scope.accessor.at(node, indicesOf(node, view.columns, row, column)),
    }))
  }
  const matmul: Matmul = {
    rows: view.rows,
    columns: view.columns,
    depth: view.depth,
    depthOf: depthGrouping(view, scope),
    rowsOf: rowGrouping(view, context, scope),
    left: leftOperand(view, scope),
    products: products.map((product) => rightOperand(matmulView(product), scope)),
    epilogue,
  }
  nameBuffers(matmul)
  return {
    name: kernelName(group, 'matmul'),
    template: 'matmul',
    reason: '',
    buffers: scope.naming.buffers(),
    computation: { kind: 'matmul', matmul },
    origin: group.anchor.origin,
    does: describe(group),
  }
}

/** Runs all that is spelled once, so that every buffer it needs has its name before the bindings are listed. */
function nameBuffers(matmul: Matmul): void {
  const zero = size(0)
  ;[matmul.left, ...matmul.products].forEach(addressesOf)
  if (matmul.rowsOf.kind === 'direct') matmul.rowsOf.expert(zero)
  matmul.epilogue(
    matmul.products.map((_, at) => variable('f32', `sum${at}`)),
    zero,
    zero,
  )
}

/** The indices of the element at (row, column) in a node of as many elements. */
function indicesOf(node: Node, columns: Dim, row: Expression, column: Expression): readonly Expression[] {
  const { shape } = node
  if (shape.at(-1) === columns) return [...delinearise(row, shape.slice(0, -1)), column]
  return delinearise(add(multiply(row, size(columns)), column), shape)
}

function depthGrouping({ kind, order }: MatmulView, scope: KernelScope): DepthGrouping {
  if (kind !== 'outer' || order?.op !== 'sort_by_expert') return { kind: 'whole' }
  return { kind: 'ordered', buffer: scope.bufferOf(order), experts: order.params.experts, tile: order.params.tile }
}

function rowGrouping(view: MatmulView, context: ScheduleContext, scope: KernelScope): RowGrouping {
  if (view.kind === 'dense') return { kind: 'dense' }
  if (view.kind === 'batched' || view.kind === 'outer') return { kind: 'batched', batch: view.batch }
  const { order, expert } = view
  if (isBatchedByExpert(expert!)) return { kind: 'batched', batch: view.right.shape[0] }
  if (order !== null && order.op === 'sort_by_expert' && context.variant === 'prefill') {
    return { kind: 'ordered', buffer: scope.bufferOf(order), experts: order.params.experts, tile: order.params.tile }
  }
  return {
    kind: 'direct',
    experts: constantValue(view.right.shape[0])!,
    expert: (row) => cast('u32', scope.accessor.at(expert!, [row])),
  }
}
