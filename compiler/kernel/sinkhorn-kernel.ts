/** Scalings of a transport plan in one dispatch: one workgroup goes over all rows, as often as it takes. */
import { dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Expression, Statement } from '../scalar/expression.ts'
import { add, binary, cast, element, f32, less, select, size, u32, variable } from '../scalar/build.ts'
import { openScope, type ScheduleContext } from './context.ts'
import { describe, kernelName } from './describe.ts'
import type { KernelProgram } from './kernel.ts'
import type { Group } from './group.ts'
import { addRows, BARRIER, clearSums, eachColumn, fillColumns, judge, measureRows, moved, name, onFirstLane, scalingOf, threshold, workgroupsOf } from './sinkhorn-parts.ts'

/** Rows in hand at a time. */
const BLOCK = 256

export function sinkhornKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sinkhorn' }
  const [cost, rows, columns] = node.inputs
  const { iterations, tolerance } = node.params
  const scaling = scalingOf(columns, BLOCK, context.target)
  const scope = openScope(context, group.members)
  const buffers = { cost: scope.bufferOf(cost), rows: scope.bufferOf(rows), columns: scope.bufferOf(columns) }
  const out = scope.naming.write(node)

  const count = variable('u32', 'count')
  const residual = variable('f32', 'residual')
  const first = variable('u32', 'first')
  const tokens = size(cost.shape[0])
  const started = less(u32(0), count)
  const filled = binary('minimum', u32(BLOCK), binary('subtract', tokens, first))
  const enough = binary('and', started, binary('or', binary('less_equal', u32(iterations), count), less(residual, variable('f32', 'threshold'))))
  const put = (index: Expression, value: Expression): Statement => ({ kind: 'store', buffer: out, index, value })
  const iteration: Statement[] = [
    clearSums(scaling),
    {
      kind: 'for', variable: 'first', from: u32(0), below: tokens, step: u32(BLOCK),
      body: [...measureRows(scaling, buffers, first, filled, started), ...addRows(scaling, buffers.cost, first, filled)],
    },
    // for the sums where there are no tokens, and no barrier with them
    BARRIER,
    ...judge(scaling, buffers.columns),
    onFirstLane([{ kind: 'assign-element', array: 'again', index: u32(0), value: select(enough, u32(0), u32(1)) }]),
    { kind: 'agree', name: 'goes_on', array: 'again', index: u32(0) },
    {
      kind: 'if', condition: binary('equal', variable('u32', 'goes_on'), u32(1)), otherwise: [],
      body: [
        fillColumns(scaling, 'log_v', (at) => moved(element('f32', 'log_v', at), buffers.columns, at)),
        { kind: 'assign', name: 'count', value: add(count, u32(1)) },
      ],
    },
    BARRIER,
  ]
  return {
    name: kernelName(group, 'sinkhorn'),
    template: 'sinkhorn',
    reason: 'one workgroup until the columns fit; nothing waits for the host',
    buffers: scope.naming.buffers(),
    computation: workgroupsOf(scaling, dim(1), [
      fillColumns(scaling, 'log_v', () => f32(0)),
      { kind: 'var', name: 'count', value: u32(0) },
      { kind: 'var', name: 'residual', value: f32(0) },
      name('threshold', threshold(scaling, buffers.columns, tolerance)),
      BARRIER,
      { kind: 'loop', body: iteration, while: binary('equal', variable('u32', 'goes_on'), u32(1)) },
      eachColumn(scaling, (at) => [put(at, element('f32', 'log_v', at))]),
      onFirstLane([put(u32(scaling.width), cast('f32', count)), put(u32(scaling.width + 1), residual)]),
    ]),
    origin: group.anchor.origin,
    does: describe(group),
  }
}
