/** One invocation an element: reductions inside run in order within it. */
import { ceilDivide, product } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Expression, Statement } from '../scalar/expression.ts'
import { add, less, multiply, size, u32, variable } from '../scalar/build.ts'
import { openScope, type ScheduleContext } from './scope/context.ts'
import { delinearise, linearise } from './scope/indexing.ts'
import type { KernelProgram } from './ir/kernel.ts'
import { describe, kernelName } from './scope/describe.ts'
import type { Group } from './group.ts'
import { THREAD, WORKGROUP, define, store, when } from '../scalar/statements.ts'

const THREADS = 64

export function elementwiseKernel(group: Group, context: ScheduleContext): KernelProgram {
  const results = context.fusion.results(group)
  const named = new Map<Node, Expression>()
  const element = variable('u32', 'element')
  // a read of another element of a named value, such as through a transpose, is recomputed
  const isOwn = (node: Node, indices: readonly Expression[]): boolean =>
    delinearise(element, node.shape).every((index, axis) => index === indices[axis]) || linearise(indices, node.shape) === element
  const scope = openScope(context, group.members, (node, indices) => {
    const name = named.get(node)
    return name !== undefined && isOwn(node, indices) ? name : null
  })
  const count = product(results[0].shape)
  // several values are all worked out before the first is stored, as it may take the place of what the others read
  const names =
    results.length === 1
      ? []
      : results.map((node, at): Statement => {
          const value = scope.accessor.at(node, delinearise(element, node.shape))
          named.set(node, variable(node.dtype, `result${at}`))
          scope.accessor.forget()
          return define(`result${at}`, value)
        })
  const stores = results.map((node): Statement => {
    const value = scope.accessor.at(node, delinearise(element, node.shape))
    return store(scope.naming.write(node), element, value)
  })
  const place = add(multiply(WORKGROUP, u32(THREADS)), THREAD)
  return {
    name: kernelName(group, 'elementwise'),
    template: 'elementwise',
    reason: 'each element is computed on its own',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: ceilDivide(count, THREADS),
      workgroupSize: THREADS,
      shared: [],
      body: [define('element', place), when(less(element, size(count)), [...names, ...stores])],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
