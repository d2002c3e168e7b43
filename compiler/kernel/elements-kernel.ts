/** One invocation an element: reductions inside run in order within it. */
import { ceilDivide, product } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Statement } from '../scalar/expression.ts'
import { add, less, multiply, size, u32, variable } from '../scalar/build.ts'
import { openScope, type ScheduleContext } from './context.ts'
import { delinearise } from './indexing.ts'
import type { KernelProgram } from './kernel.ts'
import { describe, kernelName } from './describe.ts'
import type { Group } from './group.ts'

const LANES = 64

export function elementsKernel(group: Group, context: ScheduleContext): KernelProgram {
  const results = context.partition.results(group)
  const scope = openScope(context, group.members)
  const element = variable('u32', 'element')
  const count = product(results[0].shape)
  const stores = results.map((node: Node): Statement => {
    const value = scope.accessor.at(node, delinearise(element, node.shape))
    return { kind: 'store', buffer: scope.naming.write(node), index: element, value }
  })
  const place = add(multiply(variable('u32', 'workgroup'), u32(LANES)), variable('u32', 'lane'))
  return {
    name: kernelName(group, 'elements'),
    template: 'elements',
    reason: 'each element is computed on its own',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: ceilDivide(count, LANES),
      lanes: LANES,
      shared: [],
      body: [
        { kind: 'let', name: 'element', value: place },
        { kind: 'if', condition: less(element, size(count)), body: stores, otherwise: [] },
      ],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
