/** Sibling matmuls of one left operand, with the elementwise work on their sums as the epilogue. */
import { constantValue, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { isBatchedByExpert } from '../../graph/expert-rows.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, cast, multiply, size } from '../../scalar/build.ts'
import { openScope, type KernelScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import { delinearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import { COLUMN, ROW, sumOf, type KRange, type Matmul, type RowGrouping, type SortedRows } from '../ir/matmul.ts'
import type { Group } from '../group.ts'
import { operandsOf } from './operands.ts'
import { hasMatmulTemplate, matmulView, type MatmulView } from './matmul-view.ts'
import { store } from '../../scalar/statements.ts'

export function matmulKernel(group: Group, context: ScheduleContext): KernelProgram {
  const matmuls = [...group.members].filter(hasMatmulTemplate).sort((a, b) => a.id - b.id)
  const views = matmuls.map(matmulView)
  const [view] = views
  const scope = openScope(context, group.members, (node) => {
    const at = matmuls.indexOf(node)
    return at >= 0 ? sumOf(at) : null
  })
  const kRange = kRangeOf(view, scope)
  const sorted = sortedRows(view, context, scope)
  const operands = operandsOf(views, scope)
  const rowGrouping = sorted ?? rowGroupingOf(view, scope)
  const matmul: Matmul = {
    rows: view.rows,
    columns: view.columns,
    k: view.k,
    kRange,
    rowGrouping,
    ...operands,
    epilogue: context.fusion
      .results(group)
      .map((node): Statement =>
        store(
          scope.naming.write(node),
          add(multiply(ROW, size(view.columns)), COLUMN),
          scope.accessor.at(node, indicesOf(node, view.columns)),
        ),
      ),
  }
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

/** The indices of the element at (row, column) in a node of as many elements. */
function indicesOf({ shape }: Node, columns: Dim): readonly Expression[] {
  if (shape.at(-1) === columns) return [...delinearise(ROW, shape.slice(0, -1)), COLUMN]
  return delinearise(add(multiply(ROW, size(columns)), COLUMN), shape)
}

const sortedBy = (order: Node & { op: 'sort_by_expert' }, scope: KernelScope): { readonly kind: 'sorted' } & SortedRows => ({
  kind: 'sorted',
  buffer: scope.bufferOf(order),
  experts: order.params.experts,
  tile: order.params.tile,
})

function kRangeOf({ kind, order }: MatmulView, scope: KernelScope): KRange {
  return kind === 'outer' && order?.op === 'sort_by_expert' ? sortedBy(order, scope) : { kind: 'all' }
}

const areRowsRouted = ({ kind, expert }: MatmulView): boolean => kind === 'routed' && !isBatchedByExpert(expert!)

/** Rows in tiles of one expert, where they are sorted and there are enough of them. */
function sortedRows(view: MatmulView, { variant }: ScheduleContext, scope: KernelScope): RowGrouping | null {
  const { order } = view
  return areRowsRouted(view) && order?.op === 'sort_by_expert' && variant === 'prefill' ? sortedBy(order, scope) : null
}

function rowGroupingOf(view: MatmulView, scope: KernelScope): RowGrouping {
  if (view.kind === 'dense') return { kind: 'dense' }
  if (!areRowsRouted(view)) return { kind: 'batched', batch: view.kind === 'routed' ? view.right.shape[0] : view.batch }
  return {
    kind: 'lookup',
    experts: constantValue(view.right.shape[0])!,
    expert: cast('u32', scope.accessor.at(view.expert!, [ROW])),
  }
}
