/** The scalings of a transport plan in one dispatch: one workgroup iterates over all rows until the columns converge. */
import { dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { cast, element, size, u32 } from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import { count, iterate, residual } from './iterations.ts'
import { eachColumn, scalingOf, workgroupsOf } from './statements.ts'
import { store, onFirstThread } from '../../scalar/statements.ts'

/** Rows of a block. */
const BLOCK = 256

export function sinkhornKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sinkhorn' }
  const [cost, rows, columns] = node.inputs
  const scaling = scalingOf(columns, BLOCK, context.target)
  const scope = openScope(context, group.members)
  const buffers = { cost: scope.bufferOf(cost), rows: scope.bufferOf(rows), columns: scope.bufferOf(columns) }
  const out = scope.naming.write(node)
  const put = (index: Expression, value: Expression): Statement => store(out, index, value)
  return {
    name: kernelName(group, 'sinkhorn'),
    template: 'sinkhorn',
    reason: 'one workgroup iterates until the column sums converge; no read-back by the host',
    buffers: scope.naming.buffers(),
    computation: workgroupsOf(scaling, dim(1), [
      ...iterate({ scaling, buffers, tokens: size(cost.shape[0]), ...node.params }),
      eachColumn(scaling, (at) => [put(at, element('f32', 'log_v', at))]),
      onFirstThread([put(u32(scaling.width), cast('f32', count)), put(u32(scaling.width + 1), residual)]),
    ]),
    origin: group.anchor.origin,
    does: describe(group),
  }
}
