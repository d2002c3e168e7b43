/**
 * The position of each row in its expert: a workgroup per block and a thread per expert start from the counts of earlier blocks.
 */
import { product } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, binary, cast, less, literal, load, multiply, reduce, size, u32, variable } from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import { linearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import { THREAD, WORKGROUP, mutable, assign, store, when, loopOver, sharedLoop } from '../../scalar/statements.ts'

const THREADS = 64

export function positionKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'position_in_expert' }
  const [ids, counts] = node.inputs
  if (counts?.op !== 'expert_histogram') throw new Error('the rows of position_in_expert are counted before they are placed')
  const { experts } = node.params
  const { block } = counts.params
  const scope = openScope(context, group.members)
  const [idBuffer, countBuffer] = [scope.bufferOf(ids), scope.bufferOf(counts)]
  const out = scope.naming.write(node)

  const [expert, row, place] = ['expert', 'row', 'place'].map((name) => variable('u32', name))
  const rows = size(product(ids.shape))
  const first = multiply(WORKGROUP, u32(block))
  const below = binary('minimum', rows, add(first, u32(block)))
  const idAt = (at: Expression): Expression => load('i32', idBuffer, at)
  const earlier = reduce(
    'sum',
    'b',
    WORKGROUP,
    cast('u32', load('i32', countBuffer, linearise([variable('u32', 'b'), expert], counts.shape))),
  )
  const placeMine: Statement = sharedLoop('expert', u32(experts), THREADS, () => [
    mutable('place', earlier),
    loopOver('row', first, below, u32(1), () => [
      when(binary('equal', idAt(row), cast('i32', expert)), [
        store(out, row, cast('i32', place)),
        assign('place', add(place, u32(1))),
      ]),
    ]),
  ])
  const none = literal('i32', -1)
  const leaveOut: Statement = loopOver('row', add(first, THREAD), below, u32(THREADS), () => [
    when(less(idAt(row), literal('i32', 0)), [store(out, row, none)]),
  ])
  return {
    name: kernelName(group, 'positions'),
    template: 'position in expert',
    reason: 'a workgroup per block of rows, an invocation per expert; no atomics',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: counts.shape[0],
      workgroupSize: THREADS,
      shared: [],
      body: [placeMine, leaveOut],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
