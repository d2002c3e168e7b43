/**
 * Statements that the Sinkhorn kernels share. A workgroup has these arrays: `log_v`; for each row of the block `peak`, the
 * largest score, and `shift`, so that score - peak + shift is the logarithm of the plan; and the partial column sums of each
 * group of threads, `most` and `total`, which are combined in `level`. Threads sum rows and columns in parallel, in a fixed
 * order.
 */
import { constantValue, type Dim } from '../../../plan/dim.ts'
import type { Target } from '../../../plan/target.ts'
import type { Node } from '../../graph/node.ts'
import { LOG_ZERO, NO_MASS, RESOLUTION } from '../../ops/sinkhorn.ts'
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
  remainder,
  select,
  u32,
  unary,
  variable,
} from '../../scalar/build.ts'
import { LimitError } from '../limit-error.ts'
import type { Computation } from '../ir/kernel.ts'
import { define, mutable, assign, setElement, when, sharedLoop, BARRIER, allReduce } from '../../scalar/statements.ts'

export interface Scaling {
  readonly width: number
  readonly threads: number
  /** Threads that share a column. */
  readonly groups: number
  /** Rows of a block. */
  readonly block: number
  /** Further workgroup arrays, beside those of all kernels. */
  readonly others: Shared
}

type Shared = Extract<Computation, { kind: 'workgroups' }>['shared']

const column = variable('u32', 'column')
const BYTES = 4

/** Names of arrays. */
interface Others {
  /** A number for each column. */
  readonly columns: readonly string[]
  /** A number for each row of the block. */
  readonly rows: readonly string[]
}

/** Throws a LimitError where the number of columns is not known, or exceeds the memory of a workgroup. */
export function scalingOf(columns: Node, block: number, target: Target, others: Others = { columns: [], rows: [] }): Scaling {
  const width = constantValue(columns.shape[0])
  const threads = threadsOf(target)
  if (width === undefined) {
    throw tooMuch(`the number of columns, ${columns.shape[0].key}, is known only at run time`, columns)
  }
  const arrays = (names: readonly string[], length: number): Shared => names.map((name) => ({ name, type: 'f32', length }))
  const scaling = {
    width,
    threads,
    groups: Math.max(1, Math.floor(threads / Math.max(1, width))),
    block,
    others: [...arrays(others.columns, width), ...arrays(others.rows, block)],
  }
  const bytes = (sharedOf(scaling).reduce((sum, { length }) => sum + length, 0) + threads) * BYTES
  if (bytes <= target.maxWorkgroupStorageBytes) return scaling
  throw tooMuch(
    `scalings of ${width} columns take ${bytes} bytes of a workgroup's memory; ${target.name} has ${target.maxWorkgroupStorageBytes}`,
    columns,
  )
}

const tooMuch = (message: string, { origin }: Node): LimitError =>
  new LimitError('SMOE6003', message, 'make the number of columns a parameter, and smaller', origin)

/** On a CPU barriers are expensive, and so are threads that idle once the columns have converged. */
const threadsOf = (target: Target): number => Math.min(target.kind === 'cpu' ? 16 : 256, target.maxInvocationsPerWorkgroup)

const sharedOf = ({ width, groups, block, others }: Scaling): Shared => [
  { name: 'log_v', type: 'f32', length: width },
  { name: 'level', type: 'f32', length: width },
  { name: 'peak', type: 'f32', length: block },
  { name: 'shift', type: 'f32', length: block },
  { name: 'most', type: 'f32', length: width * groups },
  { name: 'total', type: 'f32', length: width * groups },
  { name: 'again', type: 'u32', length: 1 },
  ...others,
]

/** A computation by workgroups with the threads and the arrays of the scaling. */
export const workgroupsOf = (scaling: Scaling, workgroups: Dim, body: readonly Statement[]): Computation => ({
  kind: 'workgroups',
  workgroups,
  workgroupSize: scaling.threads,
  shared: sharedOf(scaling),
  body,
})

const exp = (x: Expression): Expression => unary('exp', x)
const minus = (a: Expression, b: Expression): Expression => binary('subtract', a, b)
/** The smallest normal number: the argument of a logarithm in place of a value that may be 0 and whose logarithm is not used. */
const SMALLEST = f32(1.1754943508222875e-38)
export const logOf = (mass: Expression): Expression =>
  select(less(f32(0), mass), unary('log', binary('maximum', mass, SMALLEST)), f32(LOG_ZERO))

/** index = THREAD, THREAD + threads, ... below `below` */
export const perThread = ({ threads }: Scaling, index: string, below: Expression, body: readonly Statement[]): Statement =>
  sharedLoop(index, below, threads, () => body)

export const eachColumn = (scaling: Scaling, body: (at: Expression) => readonly Statement[]): Statement =>
  perThread(scaling, 'column', u32(scaling.width), body(column))

export const fillColumns = (scaling: Scaling, array: string, value: (at: Expression) => Expression): Statement =>
  eachColumn(scaling, (at) => [setElement(array, at, value(at))])

/** Computes peak and shift of the rows first .. first + filled - 1. While u is still 0, the plan is exp(cost). */
export function measureRows(
  scaling: Scaling,
  buffers: { cost: string; rows: string },
  first: Expression,
  filled: Expression,
  started: Expression | boolean,
): readonly Statement[] {
  const { width } = scaling
  const row = variable('u32', 'row')
  const e = variable('u32', 'e')
  const score = add(load('f32', buffers.cost, add(multiply(add(first, row), u32(width)), e)), element('f32', 'log_v', e))
  const [largest, mass] = [variable('f32', 'largest'), variable('f32', 'mass')]
  const marginal = load('f32', buffers.rows, add(first, row))
  const measured: Statement[] = [
    define('largest', reduce('max', 'e', u32(width), score)),
    define('mass', reduce('sum', 'e', u32(width), exp(minus(score, largest)))),
    setElement('peak', row, largest),
    setElement('shift', row, minus(logOf(marginal), unary('log', mass))),
  ]
  const plain: Statement[] = [
    setElement('peak', row, f32(0)),
    setElement('shift', row, select(less(f32(0), marginal), f32(0), f32(LOG_ZERO))),
  ]
  const either = (condition: Expression): Statement => when(condition, measured, plain)
  const body = typeof started !== 'boolean' ? [either(started)] : started ? measured : plain
  return [perThread(scaling, 'row', filled, body), BARRIER]
}

const slot = variable('u32', 'slot')

const eachSlot = (scaling: Scaling, body: readonly Statement[]): Statement =>
  perThread(scaling, 'slot', u32(scaling.width * scaling.groups), body)

export const clearSums = (scaling: Scaling): Statement =>
  eachSlot(scaling, [setElement('most', slot, f32(LOG_ZERO)), setElement('total', slot, f32(0))])

/** Each group adds its own terms to the sums: those at `place` = group, group + groups, ... below n. */
export function addTerms(
  scaling: Scaling,
  n: Expression,
  logarithm: (place: Expression, at: Expression) => Expression,
  weight: (place: Expression, at: Expression) => Expression | null,
): readonly Statement[] {
  const { width, groups } = scaling
  const [group, i] = [variable('u32', 'group'), variable('u32', 'i')]
  const place = add(group, multiply(i, u32(groups)))
  const term = logarithm(place, column)
  const top = variable('f32', 'top')
  const scaled = exp(minus(term, top))
  const counted = weight(place, column)
  const before = multiply(element('f32', 'total', slot), exp(minus(element('f32', 'most', slot), top)))
  return [
    eachSlot(scaling, [
      define('group', divide(slot, u32(width))),
      define('column', remainder(slot, u32(width))),
      define('terms', divide(minus(add(n, u32(groups - 1)), group), u32(groups))),
      define('top', binary('maximum', element('f32', 'most', slot), reduce('max', 'i', variable('u32', 'terms'), term))),
      setElement(
        'total',
        slot,
        add(before, reduce('sum', 'i', variable('u32', 'terms'), counted === null ? scaled : multiply(counted, scaled))),
      ),
      setElement('most', slot, top),
    ]),
    BARRIER,
  ]
}

/** Adds `filled` rows of the plan, from row `first` on, to the column sums. */
export function addRows(scaling: Scaling, cost: string, first: Expression, filled: Expression): readonly Statement[] {
  const score = (row: Expression, at: Expression): Expression =>
    add(load('f32', cost, add(multiply(add(first, row), u32(scaling.width)), at)), element('f32', 'log_v', at))
  return addTerms(
    scaling,
    filled,
    (row, at) => add(minus(score(row, at), element('f32', 'peak', row)), element('f32', 'shift', row)),
    () => null,
  )
}

/** Defines `found` and `sum` of a column over its groups: the largest logarithm, and the sum of exp relative to it. */
function ofColumn({ width, groups }: Scaling, at: Expression): readonly Statement[] {
  const g = variable('u32', 'g')
  const place = add(multiply(g, u32(width)), at)
  const most = element('f32', 'most', place)
  return [
    define('found', reduce('max', 'g', u32(groups), most)),
    define(
      'sum',
      reduce('sum', 'g', u32(groups), multiply(element('f32', 'total', place), exp(minus(most, variable('f32', 'found'))))),
    ),
  ]
}

export const storeColumns = (
  scaling: Scaling,
  store: (at: Expression, found: Expression, sum: Expression) => readonly Statement[],
): Statement =>
  eachColumn(scaling, (at) => [...ofColumn(scaling, at), ...store(at, variable('f32', 'found'), variable('f32', 'sum'))])

/**
 * Stores the logarithm of each column sum in `level`, and assigns `residual`, the distance of the column sums from their
 * marginals.
 */
export function judge(scaling: Scaling, columns: string): readonly Statement[] {
  const [found, sum] = [variable('f32', 'found'), variable('f32', 'sum')]
  const level = select(
    binary('less_equal', sum, f32(0)),
    f32(LOG_ZERO),
    add(found, unary('log', binary('maximum', sum, SMALLEST))),
  )
  const missed = variable('f32', 'missed')
  return [
    mutable('missing', f32(0)),
    eachColumn(scaling, (at) => [
      ...ofColumn(scaling, at),
      setElement('level', at, level),
      define('missed', minus(exp(element('f32', 'level', at)), load('f32', columns, at))),
      assign('missing', add(variable('f32', 'missing'), multiply(missed, missed))),
    ]),
    allReduce('missing', 'f32', 'sum'),
    assign('residual', unary('sqrt', divide(variable('f32', 'missing'), f32(Math.max(1, scaling.width))))),
  ]
}

/** The residual below which the columns have converged. */
export function threshold({ width }: Scaling, columns: string, tolerance: number): Expression {
  const mass = load('f32', columns, variable('u32', 'e'))
  const meanSquare = divide(reduce('sum', 'e', u32(width), multiply(mass, mass)), f32(Math.max(1, width)))
  return binary('maximum', f32(tolerance), multiply(f32(RESOLUTION), unary('sqrt', meanSquare)))
}

/** The next log v, for which the column sums are the marginals. */
export const moved = (logV: Expression, columns: string, at: Expression): Expression => {
  const mass = load('f32', columns, at)
  const level = element('f32', 'level', at)
  const idle = binary('or', binary('less_equal', mass, f32(0)), binary('less_equal', level, f32(NO_MASS)))
  return select(idle, f32(LOG_ZERO), minus(add(logV, logOf(mass)), level))
}
