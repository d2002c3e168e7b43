/**
 * One iteration of the scalings of a transport plan, a workgroup a block of rows. Each takes the sums of all blocks together for itself,
 * so the dispatch needs no other before it; the first one writes down what they all found.
 */
import { dim, divideExact, product, subtract } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { blocksOf } from '../ops/sinkhorn.ts'
import type { Expression, Statement } from '../scalar/expression.ts'
import { add, binary, cast, element, f32, less, load, multiply, select, size, u32, variable } from '../scalar/build.ts'
import { openScope, type ScheduleContext } from './context.ts'
import { describe, kernelName } from './describe.ts'
import type { KernelProgram } from './kernel.ts'
import type { Group } from './group.ts'
import { addRows, addTerms, BARRIER, clearSums, eachColumn, fillColumns, judge, lane, measureRows, moved, name, scalingOf, sharedOf, storeColumns, threshold, workgroup, type Scaling } from './sinkhorn-parts.ts'

/** The places of a state: see `sinkhorn_step`. */
interface Places {
  readonly count: Expression
  readonly residual: Expression
  readonly done: Expression
  readonly most: (block: Expression, column: Expression) => Expression
  readonly total: (block: Expression, column: Expression) => Expression
}

function placesOf(width: number, blocks: Expression): Places {
  const row = (block: Expression, column: Expression): Expression => add(u32(width + 3), add(multiply(block, u32(width)), column))
  return { count: u32(width), residual: u32(width + 1), done: u32(width + 2), most: row, total: (block, column) => row(add(blocks, block), column) }
}

const residual = variable('f32', 'residual')
const when = (condition: Expression, body: readonly Statement[], otherwise: readonly Statement[] = []): Statement => ({ kind: 'if', condition, body, otherwise })

/** The columns' sums of a state, judged. */
function judgeState(scaling: Scaling, state: string, places: Places, blocks: Expression, columns: string): readonly Statement[] {
  const [most, total] = [places.most, places.total].map((place) => (block: Expression, at: Expression) => load('f32', state, place(block, at)))
  return [clearSums(scaling), ...addTerms(scaling, blocks, most, total), ...judge(scaling, columns)]
}

export function sinkhornStepKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sinkhorn_step' }
  const [cost, rows, columns, before] = node.inputs as readonly [Node, Node, Node, Node?]
  const { tolerance, block } = node.params
  const scaling = scalingOf(columns, block, context.target)
  const scope = openScope(context, group.members)
  const buffers = { cost: scope.bufferOf(cost), rows: scope.bufferOf(rows), columns: scope.bufferOf(columns) }
  const state = before === undefined ? null : scope.bufferOf(before)
  const out = scope.naming.write(node)
  const workgroups = blocksOf(cost.shape[0], block)
  const places = placesOf(scaling.width, size(workgroups))
  const put = (index: Expression, value: Expression): Statement => ({ kind: 'store', buffer: out, index, value })

  const first = multiply(workgroup, u32(block))
  const filled = binary('minimum', u32(block), binary('subtract', size(cost.shape[0]), variable('u32', 'first')))
  const sums: Statement[] = [
    name('first', first),
    clearSums(scaling),
    ...measureRows(scaling, buffers, variable('u32', 'first'), filled, state !== null),
    ...addRows(scaling, buffers.cost, variable('u32', 'first'), filled),
    storeColumns(scaling, (at, found, sum) => [put(places.most(workgroup, at), found), put(places.total(workgroup, at), sum)]),
  ]
  const head = (count: Expression, done: Expression): Statement =>
    when(binary('equal', workgroup, u32(0)), [
      eachColumn(scaling, (at) => [put(at, element('f32', 'log_v', at))]),
      when(binary('equal', lane, u32(0)), [put(places.count, cast('f32', count)), put(places.residual, residual), put(places.done, done)]),
    ])
  return {
    name: kernelName(group, 'sinkhorn_step'),
    template: 'sinkhorn step',
    reason: 'an iteration a dispatch, a workgroup a block of rows; ends at once when the columns fit',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups,
      lanes: scaling.lanes,
      shared: sharedOf(scaling),
      body: state === null ? start(scaling, sums, head) : proceed(scaling, { state, places, blocks: size(workgroups), columns: buffers.columns, tolerance, sums, head }),
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}

type Head = (count: Expression, done: Expression) => Statement

const start = (scaling: Scaling, sums: readonly Statement[], head: Head): readonly Statement[] => [
  { kind: 'var', name: 'residual', value: f32(0) },
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

/** As long as the columns do not fit: log v moves, and the blocks sum again. */
function proceed(scaling: Scaling, { state, places, blocks, columns, tolerance, sums, head }: Proceeding): readonly Statement[] {
  const count = variable('u32', 'count')
  const goesOn = binary('equal', variable('u32', 'goes_on'), u32(1))
  const fits = binary('and', less(u32(0), variable('u32', 'count_before')), less(residual, variable('f32', 'threshold')))
  return [
    { kind: 'var', name: 'residual', value: load('f32', state, places.residual) },
    name('count_before', cast('u32', load('f32', state, places.count))),
    { kind: 'var', name: 'count', value: variable('u32', 'count_before') },
    { kind: 'var', name: 'done', value: load('f32', state, places.done) },
    fillColumns(scaling, 'log_v', (at) => load('f32', state, at)),
    when(binary('equal', load('f32', state, places.done), f32(0)), [
      ...judgeState(scaling, state, places, blocks, columns),
      when(binary('equal', lane, u32(0)), [
        name('threshold', threshold(scaling, columns, tolerance)),
        { kind: 'assign-element', array: 'again', index: u32(0), value: select(fits, u32(0), u32(1)) },
      ]),
      { kind: 'agree', name: 'goes_on', array: 'again', index: u32(0) },
      when(goesOn, [
        { kind: 'assign', name: 'count', value: add(count, u32(1)) },
        fillColumns(scaling, 'log_v', (at) => moved(element('f32', 'log_v', at), columns, at)),
        BARRIER,
        ...sums,
      ], [{ kind: 'assign', name: 'done', value: f32(1) }]),
    ]),
    head(count, variable('f32', 'done')),
  ]
}

/** The last state's own residual, and its scalings. */
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
  const put = (index: Expression, value: Expression): Statement => ({ kind: 'store', buffer: out, index, value })
  return {
    name: kernelName(group, 'sinkhorn_finish'),
    template: 'sinkhorn finish',
    reason: 'one workgroup takes the sums of all blocks together',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: dim(1),
      lanes: scaling.lanes,
      shared: sharedOf(scaling),
      body: [
        { kind: 'var', name: 'residual', value: load('f32', state, places.residual) },
        when(binary('equal', load('f32', state, places.done), f32(0)), judgeState(scaling, state, places, size(blocks), columnBuffer)),
        eachColumn(scaling, (at) => [put(at, load('f32', state, at))]),
        when(binary('equal', lane, u32(0)), [put(u32(width), load('f32', state, places.count)), put(u32(width + 1), residual)]),
      ],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
