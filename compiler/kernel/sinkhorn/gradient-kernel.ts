/**
 * The backward pass of the Sinkhorn iterations in one dispatch: one workgroup recomputes the iterations, stores log v of each
 * after the result, and differentiates them in reverse. A thread accumulates the gradients of its own rows and columns only, in a
 * fixed order.
 */
import { dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { NO_MASS } from '../../ops/sinkhorn.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import {
  add,
  binary,
  divide,
  element,
  f32,
  less,
  load,
  multiply,
  reduce,
  select,
  size,
  u32,
  unary,
  variable,
} from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import { count, eachBlock, first, iterate, type Transport } from './iterations.ts'
import { eachColumn, fillColumns, perThread, measureRows, scalingOf, workgroupsOf } from './statements.ts'
import {
  define,
  mutable,
  assign,
  setElement,
  store,
  when,
  loopTo,
  doWhile,
  BARRIER,
  uniformLoad,
  onFirstThread,
} from '../../scalar/statements.ts'

/** Rows of a block. */
const BLOCK = 128

const minus = (a: Expression, b: Expression): Expression => binary('subtract', a, b)
const exp = (x: Expression): Expression => unary('exp', x)
const at = (array: string, index: Expression): Expression => element('f32', array, index)
/** factor * exp(logarithm); 0 where the factor is 0, even if the exponential is infinite. */
const share = (factor: Expression, logarithm: Expression): Expression =>
  select(binary('equal', factor, f32(0)), f32(0), multiply(factor, exp(logarithm)))

const [row, e, i, left] = [variable('u32', 'row'), variable('u32', 'e'), variable('u32', 'i'), variable('u32', 'left')]
const [slope, going] = [variable('f32', 'slope'), variable('u32', 'going')]

/** The parts of the result: their offsets, loads and stores. */
interface Result {
  readonly rows: Expression
  readonly columns: Expression
  readonly scalings: Expression
  readonly load: (index: Expression) => Expression
  readonly store: (index: Expression, value: Expression) => Statement
}

interface Way {
  readonly transport: Transport
  readonly result: Result
}

function resultOf(buffer: string, tokens: Expression, width: number): Result {
  const rows = multiply(tokens, u32(width))
  const columns = add(rows, tokens)
  return {
    rows,
    columns,
    scalings: add(columns, u32(width)),
    load: (index) => load('f32', buffer, index),
    store: (index, value) => store(buffer, index, value),
  }
}

const more = ({ load: read, store }: Result, index: Expression, value: Expression): Statement =>
  store(index, add(read(index), value))

/** Each thread zeroes its own accumulators; the scalings of iterations that do not run are 0 as well. */
const clear = ({
  transport: { scaling, iterations },
  transport,
  result: { rows, columns, scalings, store },
}: Way): readonly Statement[] => [
  eachBlock(transport, (filled) => [
    perThread(scaling, 'row', filled, [
      loopTo('e', u32(scaling.width), () => [store(entry(scaling.width), f32(0))]),
      store(add(rows, add(first, row)), f32(0)),
    ]),
  ]),
  eachColumn(scaling, (column) => [
    store(add(columns, column), f32(0)),
    loopTo('i', u32(iterations), () => [store(scalingAt(scalings, scaling.width, i, column), f32(0))]),
  ]),
]

const entry = (width: number): Expression => add(multiply(add(first, row), u32(width)), e)
const scalingAt = (scalings: Expression, width: number, iteration: Expression, column: Expression): Expression =>
  add(scalings, add(multiply(iteration, u32(width)), column))

/**
 * Sets `log_v` to its value before iteration `left`, `level` to the change of that iteration in each column, and `weight` to the
 * gradient over the mass of the column; zeroes the gradient of the earlier log v.
 */
function enter({
  transport: {
    scaling,
    scaling: { width },
    buffers,
  },
  result,
}: Way): readonly Statement[] {
  const before = minus(left, u32(1))
  return [
    eachColumn(scaling, (column) => {
      const mass = load('f32', buffers.columns, column)
      const now = variable('f32', 'now')
      const idle = binary('or', binary('less_equal', mass, f32(0)), binary('less_equal', now, f32(NO_MASS)))
      return [
        define('now', result.load(scalingAt(result.scalings, width, left, column))),
        mutable('then', f32(0)),
        when(less(u32(0), left), [assign('then', result.load(scalingAt(result.scalings, width, before, column)))]),
        setElement('log_v', column, variable('f32', 'then')),
        setElement('level', column, minus(now, variable('f32', 'then'))),
        setElement('weight', column, select(idle, f32(0), divide(at('gradient', column), mass))),
        setElement('gradient', column, f32(0)),
        more(result, add(result.columns, column), at('weight', column)),
      ]
    }),
    BARRIER,
  ]
}

/** For the rows of the block: the gradient of u, and from it and that of v the gradient of the cost. */
function backRows(
  {
    transport: {
      scaling,
      scaling: { width },
      buffers,
    },
    result,
  }: Way,
  filled: Expression,
): Statement {
  const score = add(load('f32', buffers.cost, entry(width)), at('log_v', e))
  const logarithm = add(minus(score, at('peak', row)), at('shift', row))
  const given = share(at('weight', e), add(logarithm, at('level', e)))
  const mass = load('f32', buffers.rows, add(first, row))
  const reaches = binary('and', less(u32(0), left), less(f32(0), mass))
  return perThread(scaling, 'row', filled, [
    define('slope', unary('negate', reduce('sum', 'e', u32(width), given))),
    setElement('slopes', row, f32(0)),
    when(reaches, [
      setElement('slopes', row, divide(slope, mass)),
      more(result, add(result.rows, add(first, row)), at('slopes', row)),
    ]),
    loopTo('e', u32(width), () => [more(result, entry(width), unary('negate', add(given, share(at('slopes', row), logarithm))))]),
  ])
}

/** Propagates the gradient of u of the rows of the block to the earlier log v. */
function backColumns({ transport: { scaling, buffers } }: Way, filled: Expression): Statement {
  return eachColumn(scaling, (column) => {
    const score = add(load('f32', buffers.cost, add(multiply(add(first, i), u32(scaling.width)), column)), at('log_v', column))
    const taken = share(at('slopes', i), add(minus(score, at('peak', i)), at('shift', i)))
    return [setElement('gradient', column, minus(at('gradient', column), reduce('sum', 'i', filled, taken)))]
  })
}

/** Propagates through iteration `left` - 1 and all earlier ones. */
function goBack(way: Way): readonly Statement[] {
  const { transport } = way
  const { scaling, buffers } = transport
  return [
    mutable('left', count),
    doWhile(
      [
        onFirstThread([setElement('again', u32(0), select(less(u32(0), left), u32(1), u32(0)))]),
        uniformLoad('going', 'again', u32(0)),
        when(binary('equal', going, u32(1)), [
          assign('left', minus(left, u32(1))),
          ...enter(way),
          eachBlock(transport, (filled) => [
            ...measureRows(scaling, buffers, first, filled, less(u32(0), left)),
            backRows(way, filled),
            BARRIER,
            backColumns(way, filled),
            BARRIER,
          ]),
        ]),
      ],
      binary('equal', going, u32(1)),
    ),
  ]
}

export function sinkhornGradientKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sinkhorn_gradient' }
  const [cost, rows, columns, cotangent] = node.inputs
  const scaling = scalingOf(columns, BLOCK, context.target, { columns: ['weight', 'gradient'], rows: ['slopes'] })
  const scope = openScope(context, group.members)
  const buffers = { cost: scope.bufferOf(cost), rows: scope.bufferOf(rows), columns: scope.bufferOf(columns) }
  const transport: Transport = { scaling, buffers, tokens: size(cost.shape[0]), ...node.params }
  const given = scope.bufferOf(cotangent)
  const result = resultOf(scope.naming.write(node), transport.tokens, scaling.width)
  const way: Way = { transport, result }
  const keep = eachColumn(scaling, (column) => [
    result.store(scalingAt(result.scalings, scaling.width, minus(count, u32(1)), column), at('log_v', column)),
  ])
  return {
    name: kernelName(group, 'sinkhorn_gradient'),
    template: 'sinkhorn gradient',
    reason: 'one workgroup runs the iterations forward and backward; no read-back by the host',
    buffers: scope.naming.buffers(),
    computation: workgroupsOf(scaling, dim(1), [
      ...clear(way),
      ...iterate(transport, [keep]),
      fillColumns(scaling, 'gradient', (column) => load('f32', given, column)),
      ...goBack(way),
    ]),
    origin: group.anchor.origin,
    does: describe(group),
  }
}
