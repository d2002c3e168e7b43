/**
 * Decomposes matrices in the memory of the result, a workgroup per matrix. It needs no other memory than a few numbers of the
 * workgroup, no atomics, and adds every sum in a fixed order, so that each run gives the same bits.
 */
import type { ScheduleContext } from '../scope/context.ts'
import { openScope } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import { arrange, finish } from './arrange.ts'
import { complete } from './complete.ts'
import { matricesOf, placesOf } from './places.ts'
import { prepare } from './prepare.ts'
import { sweeps } from './sweep.ts'
import type { Node } from '../../graph/node.ts'

export function svdKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'svd' }
  const scope = openScope(context, group.members)
  const source = scope.bufferOf(node.inputs[0])
  const places = placesOf(node, source, scope.naming.write(node), context.target)
  const { all, pair } = places.threads
  return {
    name: kernelName(group, 'svd'),
    template: 'svd jacobi',
    reason: `a workgroup per matrix, ${pair === 1 ? 'an invocation' : `${pair} invocations`} per pair of vectors; in place`,
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: matricesOf(node),
      workgroupSize: all,
      shared: [
        { name: 'part', type: 'f32', length: pair === 1 ? all : 3 * all },
        { name: 'mark', type: 'u32', length: all },
        { name: 'flag', type: 'u32', length: 1 },
      ],
      body: [...places.begin, ...prepare(places), ...sweeps(places), ...arrange(places), ...complete(places), ...finish(places)],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
