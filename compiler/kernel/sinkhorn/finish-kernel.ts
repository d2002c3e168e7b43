import { dim, divideExact, product, subtract } from '../../../plan/dim.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { binary, f32, load, size, u32, variable } from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { Group } from '../group.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import { eachColumn, scalingOf, workgroupsOf } from './statements.ts'
import { judgeState, placesOf } from './state.ts'
import { mutable, store, when, onFirstThread } from '../../scalar/statements.ts'

/** Gives the scalings of the last state, with the residual that belongs to them. */
export function sinkhornFinishKernel(group: Group, context: ScheduleContext): KernelProgram {
  const [columns, before] = group.anchor.inputs
  const scaling = scalingOf(columns, 1, context.target)
  const scope = openScope(context, group.members)
  const [columnBuffer, state] = [scope.bufferOf(columns), scope.bufferOf(before)]
  const out = scope.naming.write(group.anchor)
  const { width } = scaling
  const blocks = divideExact(subtract(product(before.shape), width + 3), 2 * width)
  if (blocks === undefined) throw new Error(`a state of ${before.shape[0].key} numbers is none of ${width} columns`)
  const places = placesOf(width, size(blocks))
  const put = (index: Expression, value: Expression): Statement => store(out, index, value)
  return {
    name: kernelName(group, 'sinkhorn_finish'),
    template: 'sinkhorn finish',
    reason: 'one workgroup adds up the sums of all blocks',
    buffers: scope.naming.buffers(),
    computation: workgroupsOf(scaling, dim(1), [
      mutable('residual', load('f32', state, places.residual)),
      when(
        binary('equal', load('f32', state, places.done), f32(0)),
        judgeState(scaling, state, places, size(blocks), columnBuffer),
      ),
      eachColumn(scaling, (at) => [put(at, load('f32', state, at))]),
      onFirstThread([put(u32(width), load('f32', state, places.count)), put(u32(width + 1), variable('f32', 'residual'))]),
    ]),
    origin: group.anchor.origin,
    does: describe(group),
  }
}
