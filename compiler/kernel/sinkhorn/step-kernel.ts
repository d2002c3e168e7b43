/**
 * One Sinkhorn iteration, a workgroup per block of rows. Every workgroup combines the sums of all blocks itself, so that no
 * dispatch in between is needed; the first workgroup stores the combined state.
 */
import type { Node } from '../../graph/node.ts'
import { blocksOf } from '../../ops/sinkhorn.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, binary, cast, element, f32, less, load, multiply, select, size, u32, variable } from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import {
  addRows,
  clearSums,
  eachColumn,
  fillColumns,
  measureRows,
  moved,
  scalingOf,
  storeColumns,
  threshold,
  workgroupsOf,
  type Scaling,
} from './statements.ts'
import { judgeState, placesOf, type Places } from './state.ts'
import {
  WORKGROUP,
  define,
  mutable,
  assign,
  setElement,
  store,
  when,
  BARRIER,
  uniformLoad,
  onFirstThread,
} from '../../scalar/statements.ts'

const residual = variable('f32', 'residual')

export function sinkhornStepKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sinkhorn_step' }
  const [cost, rows, columns, before] = node.inputs as readonly [Node, Node, Node, Node?]
  const { tolerance, block } = node.params
  const scaling = scalingOf(columns, block, context.target)
  const scope = openScope(context, group.members)
  const buffers = { cost: scope.bufferOf(cost), rows: scope.bufferOf(rows) }
  // the first step has no state to compare the column sums with
  const last = before === undefined ? null : { columns: scope.bufferOf(columns), state: scope.bufferOf(before) }
  const out = scope.naming.write(node)
  const workgroups = blocksOf(cost.shape[0], block)
  const places = placesOf(scaling.width, size(workgroups))
  const put = (index: Expression, value: Expression): Statement => store(out, index, value)

  const first = multiply(WORKGROUP, u32(block))
  const filled = binary('minimum', u32(block), binary('subtract', size(cost.shape[0]), variable('u32', 'first')))
  const sums: Statement[] = [
    define('first', first),
    clearSums(scaling),
    ...measureRows(scaling, buffers, variable('u32', 'first'), filled, last !== null),
    ...addRows(scaling, buffers.cost, variable('u32', 'first'), filled),
    storeColumns(scaling, (at, found, sum) => [put(places.most(WORKGROUP, at), found), put(places.total(WORKGROUP, at), sum)]),
  ]
  const head = (count: Expression, done: Expression): Statement =>
    when(binary('equal', WORKGROUP, u32(0)), [
      eachColumn(scaling, (at) => [put(at, element('f32', 'log_v', at))]),
      onFirstThread([put(places.count, cast('f32', count)), put(places.residual, residual), put(places.done, done)]),
    ])
  return {
    name: kernelName(group, 'sinkhorn_step'),
    template: 'sinkhorn step',
    reason: 'a dispatch per iteration, a workgroup per block of rows; returns at once when the column sums have converged',
    buffers: scope.naming.buffers(),
    computation: workgroupsOf(
      scaling,
      workgroups,
      last === null
        ? start(scaling, sums, head)
        : proceed(scaling, { ...last, places, blocks: size(workgroups), tolerance, sums, head }),
    ),
    origin: group.anchor.origin,
    does: describe(group),
  }
}

type Head = (count: Expression, done: Expression) => Statement

const start = (scaling: Scaling, sums: readonly Statement[], head: Head): readonly Statement[] => [
  mutable('residual', f32(0)),
  fillColumns(scaling, 'log_v', () => f32(0)),
  BARRIER,
  ...sums,
  head(u32(0), f32(0)),
]

interface Proceeding {
  readonly state: string
  readonly places: Places
  readonly blocks: Expression
  readonly columns: string
  readonly tolerance: number
  readonly sums: readonly Statement[]
  readonly head: Head
}

/** While the columns have not converged: updates log v and computes the sums of the blocks again. */
function proceed(scaling: Scaling, { state, places, blocks, columns, tolerance, sums, head }: Proceeding): readonly Statement[] {
  const count = variable('u32', 'count')
  const goesOn = binary('equal', variable('u32', 'goes_on'), u32(1))
  const fits = binary('and', less(u32(0), variable('u32', 'count_before')), less(residual, variable('f32', 'threshold')))
  return [
    mutable('residual', load('f32', state, places.residual)),
    define('count_before', cast('u32', load('f32', state, places.count))),
    mutable('count', variable('u32', 'count_before')),
    mutable('done', load('f32', state, places.done)),
    fillColumns(scaling, 'log_v', (at) => load('f32', state, at)),
    when(binary('equal', load('f32', state, places.done), f32(0)), [
      ...judgeState(scaling, state, places, blocks, columns),
      onFirstThread([
        define('threshold', threshold(scaling, columns, tolerance)),
        setElement('again', u32(0), select(fits, u32(0), u32(1))),
      ]),
      uniformLoad('goes_on', 'again', u32(0)),
      when(
        goesOn,
        [
          assign('count', add(count, u32(1))),
          fillColumns(scaling, 'log_v', (at) => moved(element('f32', 'log_v', at), columns, at)),
          BARRIER,
          ...sums,
        ],
        [assign('done', f32(1))],
      ),
    ]),
    head(count, variable('f32', 'done')),
  ]
}
