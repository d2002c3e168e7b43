/**
 * Segment sums: a workgroup per id finds its rows in the sorted order, and a thread per column adds them. There are no atomics,
 * so that every run gives the same bits.
 */
import { constantValue, product, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, binary, cast, divide, f32, less, literal, size, u32, variable } from '../../scalar/build.ts'
import { openScope, type KernelScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { Group } from '../group.ts'
import { delinearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import { WORKGROUP, define, mutable, assign, store, when, loopOver, loopTo, sharedLoop } from '../../scalar/statements.ts'

/** Steps of a binary search among any number of rows. */
const MOST_HALVINGS = 32

const id = WORKGROUP

export function segmentSumKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'segment_sum' }
  const [values, ids, order] = node.inputs
  const scope = openScope(context, group.members)
  const rest = values.shape.slice(1)
  const width = product(rest)
  const threads = threadsFor(width, context)
  const [place, column, total] = [variable('u32', 'place'), variable('u32', 'column'), variable('f32', 'total')]
  const row = cast('u32', scope.accessor.at(order, [place]))
  const value = scope.accessor.at(values, [row, ...delinearise(column, rest)])
  const index = add(binary('multiply', id, size(width)), column)
  const body: Statement[] = [
    ...firstPlace('first', id, ids, order, scope),
    ...firstPlace('end', add(id, u32(1)), ids, order, scope),
    sharedLoop('column', size(width), threads, () => [
      mutable('total', f32(0)),
      loopOver('place', variable('u32', 'first'), variable('u32', 'end'), u32(1), () => [assign('total', add(total, value))]),
      store(scope.naming.write(node), index, total),
    ]),
  ]
  return {
    name: kernelName(group, 'segment_sum'),
    template: 'segment sum',
    reason: 'a workgroup per id finds its rows in sorted order; no atomics',
    buffers: scope.naming.buffers(),
    computation: { kind: 'workgroups', workgroups: node.shape[0], workgroupSize: threads, shared: [], body },
    origin: node.origin,
    does: describe(group),
  }
}

/** No more threads than columns; on a CPU one subgroup. */
function threadsFor(width: Dim, { target }: ScheduleContext): number {
  const most = target.kind === 'cpu' ? (target.subgroupSize ?? 1) : 64
  return Math.min(most, Math.max(1, constantValue(width) ?? most))
}

/** Defines the first place in the order whose id is not below `wanted`, by binary search; rows without an id are last. */
function firstPlace(name: string, wanted: Expression, ids: Node, order: Node, { accessor }: KernelScope): readonly Statement[] {
  const rows = ids.shape[0]
  const [low, high, middle] = [name, `${name}_high`, `${name}_middle`].map((word) => variable('u32', word))
  const row = accessor.at(order, [middle])
  const at = accessor.at(ids, [cast('u32', binary('maximum', row, literal('i32', 0)))])
  const isBelow = binary('and', binary('less_equal', literal('i32', 0), row), less(cast('u32', at), wanted))
  const known = constantValue(rows)
  const halvings = known === undefined ? MOST_HALVINGS : Math.ceil(Math.log2(known + 1))
  return [
    mutable(name, u32(0)),
    mutable(`${name}_high`, size(rows)),
    loopTo(`${name}_step`, u32(halvings), () => [
      when(less(low, high), [
        define(`${name}_middle`, divide(add(low, high), u32(2))),
        when(isBelow, [assign(name, add(middle, u32(1)))], [assign(`${name}_high`, middle)]),
      ]),
    ]),
  ]
}
