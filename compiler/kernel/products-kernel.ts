/** Matrix products that share their left operand, with the work on their sums in the epilogue. */
import { constantValue, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { areBatches } from '../graph/routes.ts'
import type { Expression, Statement } from '../scalar/expression.ts'
import { add, cast, multiply, size, variable } from '../scalar/build.ts'
import { openScope, type KernelScope, type ScheduleContext } from './context.ts'
import { describe, kernelName } from './describe.ts'
import { delinearise } from './indexing.ts'
import type { KernelProgram } from './kernel.ts'
import type { Matmul, RowGrouping } from './matmul.ts'
import type { Group } from './group.ts'
import { isProduct, productView, type ProductView } from './product-view.ts'

const isFourfold = (dim: Dim): boolean => dim.terms.every((term) => term.coefficient % 4 === 0)

export function productsKernel(group: Group, context: ScheduleContext): KernelProgram {
  const products = [...group.members].filter(isProduct).sort((a, b) => a.id - b.id)
  const view = productView(products[0])
  const results = context.partition.results(group)

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
    rowsOf: grouping(view, context, scope),
    left: {
      buffer: scope.bufferOf(view.left),
      rowStart: (row) => multiply(sourceRow(view, scope, row), size(view.depth)),
      aligned: isFourfold(view.depth),
    },
    products: products.map((product) => {
      const { right, columns, depth } = productView(product)
      return {
        buffer: scope.bufferOf(right),
        columnStart: (expert: Expression, column: Expression) => multiply(add(multiply(expert, size(columns)), column), size(depth)),
        aligned: isFourfold(depth),
      }
    }),
    epilogue,
  }
  nameEpilogueBuffers(matmul)
  return {
    name: kernelName(group, 'products'),
    template: 'products',
    reason: '',
    buffers: scope.naming.buffers(),
    computation: { kind: 'matmul', matmul },
    origin: group.anchor.origin,
    does: describe(group),
  }
}

/** Runs the epilogue once, so that every buffer it needs has its name before the bindings are listed. */
function nameEpilogueBuffers(matmul: Matmul): void {
  const zero = size(0)
  matmul.left.rowStart(zero)
  if (matmul.rowsOf.kind === 'direct') matmul.rowsOf.expert(zero)
  matmul.epilogue(matmul.products.map((_, at) => variable('f32', `sum${at}`)), zero, zero)
}

/** The indices of the element at (row, column) in a node of as many elements. */
function indicesOf(node: Node, columns: Dim, row: Expression, column: Expression): readonly Expression[] {
  const { shape } = node
  if (shape.at(-1) === columns) return [...delinearise(row, shape.slice(0, -1)), column]
  return delinearise(add(multiply(row, size(columns)), column), shape)
}

const sourceRow = (view: ProductView, scope: KernelScope, row: Expression): Expression =>
  view.sourceRow === null ? row : cast('u32', scope.accessor.at(view.sourceRow, [row]))

function grouping(view: ProductView, context: ScheduleContext, scope: KernelScope): RowGrouping {
  if (view.kind === 'dense') return { kind: 'dense' }
  if (view.kind === 'batched') return { kind: 'batched', batch: view.batch }
  const { order, expert } = view
  if (areBatches(expert!)) return { kind: 'batched', batch: view.right.shape[0] }
  if (order !== null && order.op === 'order_rows' && context.regime === 'many') {
    return { kind: 'ordered', buffer: scope.bufferOf(order), experts: order.params.experts, tile: order.params.tile }
  }
  return { kind: 'direct', experts: constantValue(view.right.shape[0])!, expert: (row) => cast('u32', scope.accessor.at(expert!, [row])) }
}
