/**
 * Entropic optimal transport: the plan exp(cost + log u + log v) with given sums of rows and columns (Cuturi, Sinkhorn Distances,
 * 2013). Only logarithms are kept: the plan's entries may lie beyond every float.
 */
import { add, floorDivide, multiply, type Dim } from '../../plan/dim.ts'
import { inherited, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, wantCount, wantRank, wantSame, wantType } from './shapes.ts'
import { hostTensor, type HostTensor } from './tensor.ts'

/** Stands for log 0: below every score, and finite, so that differences remain numbers. */
export const LOG_ZERO = -(2 ** 100)
/** The logarithm of a sum up to here is one of zeros. */
export const NO_MASS = LOG_ZERO / 2

/** The resolution of f32 relative to the marginals: no iteration makes the error smaller. */
export const RESOLUTION = 2 ** -20

/** A state: log v, iterations done, residual, whether converged; then a row of maxima a block, and a row of sums a block. */
const stateSize = (tokens: Dim, columns: Dim, block: number): Dim =>
  add(add(columns, 3), multiply(multiply(2, columns), blocksOf(tokens, block)))

/** How many blocks rows make: one at least, so that a state is written where there are no rows. */
export const blocksOf = (tokens: Dim, block: number): Dim => add(floorDivide(tokens, block), 1)

const logOf = (mass: number): number => (mass > 0 ? Math.log(mass) : LOG_ZERO)

/** Log u of a row before the first iteration. */
export const startOf = (mass: number): number => (mass > 0 ? 0 : LOG_ZERO)

/** The largest of n terms, and the sum of exp beside it. */
function gather(n: number, term: (i: number) => number): { readonly most: number; readonly sum: number } {
  let [most, sum] = [LOG_ZERO, 0]
  for (let i = 0; i < n; i++) most = Math.max(most, term(i))
  for (let i = 0; i < n; i++) sum += Math.exp(term(i) - most)
  return { most, sum }
}

const logSum = ({ most, sum }: { readonly most: number; readonly sum: number }): number =>
  sum <= 0 ? LOG_ZERO : most + Math.log(sum)

/** Whether a column is empty in the plan: its marginal is 0, or no row has mass for it. */
export const isIdle = (mass: number, level: number): boolean => mass <= 0 || level <= NO_MASS
export const logSumExp = (n: number, term: (i: number) => number): number => logSum(gather(n, term))

/** Root mean square error of the column sums. */
const residualOf = (sums: readonly number[], columns: Float64Array): number =>
  rootMeanSquare(columns.map((mass, j) => sums[j] - mass))
const rootMeanSquare = (of: Float64Array): number => Math.sqrt(of.reduce((all, x) => all + x * x, 0) / Math.max(1, of.length))

/** The error below which the iteration has converged. */
const threshold = (tolerance: number, columns: Float64Array): number => Math.max(tolerance, RESOLUTION * rootMeanSquare(columns))

type Operands = readonly HostTensor[]

/** Runs the iterations; `told` is called with log v after each. */
export function transport(
  [cost, rows, columns]: Operands,
  iterations: number,
  tolerance: number,
  told: (logV: Float64Array) => void = () => {},
): { readonly logV: Float64Array; readonly done: number; readonly residual: number } {
  const [tokens, width] = cost.shape
  const c = cost.values
  const [logU, logV] = [rows.values.map(startOf), new Float64Array(width)]
  let [done, residual] = [0, 0]
  do {
    for (let j = 0; j < width; j++) {
      const through = logSumExp(tokens, (t) => c[t * width + j] + logU[t])
      logV[j] = isIdle(columns.values[j], through) ? LOG_ZERO : Math.log(columns.values[j]) - through
    }
    for (let t = 0; t < tokens; t++) {
      const through = logSumExp(width, (j) => c[t * width + j] + logV[j])
      logU[t] = rows.values[t] > 0 ? Math.log(rows.values[t]) - through : LOG_ZERO
    }
    const sums = Array.from(logV, (v, j) => {
      let sum = 0
      for (let t = 0; t < tokens; t++) sum += Math.exp(c[t * width + j] + logU[t] + v)
      return sum
    })
    residual = residualOf(sums, columns.values)
    done++
    told(logV)
  } while (done < iterations && !(residual < threshold(tolerance, columns.values)))
  return { logV, done, residual }
}

function sinkhorn(operands: Operands, iterations: number, tolerance: number): HostTensor {
  const { logV, done, residual } = transport(operands, iterations, tolerance)
  return hostTensor([logV.length + 2], 'f32', Float64Array.of(...logV, done, residual))
}

/** The sums of columns, as logarithms, from the parts that the blocks of a state hold. */
function columnLevels(state: Float64Array, width: number): readonly number[] {
  const blocks = (state.length - width - 3) / (2 * width)
  const [maxima, sums] = [width + 3, width + 3 + width * blocks]
  return Array.from({ length: width }, (_, j) => {
    const at = (b: number): number => b * width + j
    const most = Array.from({ length: blocks }, (_, b) => state[maxima + at(b)]).reduce((a, b) => Math.max(a, b), LOG_ZERO)
    const sum = Array.from({ length: blocks }, (_, b) => state[sums + at(b)] * Math.exp(state[maxima + at(b)] - most)).reduce(
      (a, b) => a + b,
      0,
    )
    return logSum({ most, sum })
  })
}

interface Head {
  readonly logV: readonly number[]
  readonly count: number
  readonly residual: number
  readonly done: boolean
}

/** What a state says of the iteration before it: converged, or the scalings of the next. */
function advance(columns: HostTensor, state: HostTensor, tolerance: number): Head {
  const width = columns.values.length
  const logV = Array.from(state.values.subarray(0, width))
  const [count, before, done] = state.values.subarray(width, width + 3)
  if (done !== 0) return { logV, count, residual: before, done: true }
  const levels = columnLevels(state.values, width)
  const residual = count === 0 ? 0 : residualOf(levels.map(Math.exp), columns.values)
  if (count > 0 && residual < threshold(tolerance, columns.values)) return { logV, count, residual, done: true }
  const next = logV.map((v, j) => (isIdle(columns.values[j], levels[j]) ? LOG_ZERO : v + Math.log(columns.values[j]) - levels[j]))
  return { logV: next, count: count + 1, residual, done: false }
}

function step([cost, rows, columns, state]: Operands, tolerance: number, block: number): HostTensor {
  const [tokens, width] = cost.shape
  const c = cost.values
  const first: Head = { logV: Array.from(columns.values, () => 0), count: 0, residual: 0, done: false }
  const head = state === undefined ? first : advance(columns, state, tolerance)
  const { logV, count, residual, done } = head
  const blocks = Math.floor(tokens / block) + 1
  const values = new Float64Array(width + 3 + 2 * width * blocks)
  values.set([...logV, count, residual, Number(done)])
  if (done) return hostTensor([values.length], 'f32', values)
  const logU = Array.from({ length: tokens }, (_, t) =>
    count === 0 ? startOf(rows.values[t]) : logOf(rows.values[t]) - logSumExp(width, (j) => c[t * width + j] + logV[j]),
  )
  for (let b = 0; b < blocks; b++) {
    const from = b * block
    for (let j = 0; j < width; j++) {
      const { most, sum } = gather(Math.min(block, tokens - from), (i) => c[(from + i) * width + j] + logV[j] + logU[from + i])
      values[width + 3 + b * width + j] = most
      values[width + 3 + (blocks + b) * width + j] = sum
    }
  }
  return hostTensor([values.length], 'f32', values)
}

/** The residual of the last iteration is known here alone: no step comes after it. */
function finish([columns, state]: Operands): HostTensor {
  const width = columns.values.length
  const [count, before, done] = state.values.subarray(width, width + 3)
  const residual = done !== 0 ? before : residualOf(columnLevels(state.values, width).map(Math.exp), columns.values)
  return hostTensor([width + 2], 'f32', Float64Array.of(...state.values.subarray(0, width), count, residual))
}

/** Each may be a dispatch of its own. */
export const MOST_ITERATIONS = 1000

const wantIterations = (value: number): ShapeError | null =>
  Number.isInteger(value) && value >= 1 && value <= MOST_ITERATIONS
    ? null
    : fail(`the number of iterations is from 1 to ${MOST_ITERATIONS}, not ${value}`)

const wantBlock = (value: number): ShapeError | null =>
  Number.isInteger(value) && value >= 1 ? null : fail(`block is 1 or more, not ${value}`)

const wantTolerance = (value: number): ShapeError | null =>
  value >= 0 && Number.isFinite(value) ? null : fail(`the tolerance is 0 or more, not ${value}`)

export const wantStops = (iterations: number, tolerance: number): ShapeError | null =>
  firstOf(wantIterations(iterations), wantTolerance(tolerance))

export function wantProblem([cost, rows, columns]: readonly TensorType[]): ShapeError | null {
  return (
    firstOf(
      wantType(cost, 'cost', 'f32'),
      wantType(rows, 'row marginals', 'f32'),
      wantType(columns, 'column marginals', 'f32'),
    ) ??
    firstOf(wantRank(cost, 'cost', 2), wantRank(rows, 'row marginals', 1), wantRank(columns, 'column marginals', 1)) ??
    firstOf(
      wantSame(cost.shape[0], rows.shape[0], 'axis 0 of cost and the row marginals'),
      wantSame(cost.shape[1], columns.shape[0], 'axis 1 of cost and the column marginals'),
    )
  )
}

const stateType = (cost: TensorType, block: number): TensorType => ({
  shape: [stateSize(cost.shape[0], cost.shape[1], block)],
  dtype: 'f32',
})

function wantState(state: TensorType | undefined): ShapeError | null {
  return state === undefined ? null : firstOf(wantType(state, 'state', 'f32'), wantRank(state, 'state', 1))
}

const accuracy = inherited('its iteration worked out in f32, a sum of a column in parts')
const common = { kind: 'custom', commutative: false, scalar: null, accuracy } as const

export const scalings: Records<'sinkhorn' | 'sinkhorn_step' | 'sinkhorn_finish'> = {
  sinkhorn: {
    ...common,
    since: 'source',
    doc:
      'Scalings of the plan exp(cost[t, e] + u[t] + v[e]) whose rows and columns have the given sums: u = 0, then in turn ' +
      'v[e] = log columns[e] - log sum over t of exp(cost[t, e] + u[t]) and u[t] = log rows[t] - log sum over e of exp(cost[t, e] + v[e]). ' +
      'Rows are exact, as u comes last. Ends where the residual, the root of the mean square of what the columns miss, is below the tolerance ' +
      'or 2^-20 of the root mean square of the column marginals, which is all that f32 resolves, ' +
      'or after so many iterations. A row or column to sum to 0 or less, or a column that no row brings anything, takes no part: its logarithm is -2^100.',
    formula: 'y = [v[0], ..., v[E - 1], iterations done, residual]',
    infer(inputs, { iterations, tolerance }) {
      const complaint = wantCount(inputs, 3) ?? wantStops(iterations, tolerance) ?? wantProblem(inputs)
      return complaint ?? { shape: [add(inputs[0].shape[1], 2)], dtype: 'f32' }
    },
    evaluate: (inputs, { iterations, tolerance }) => sinkhorn(inputs, iterations, tolerance),
  },
  sinkhorn_step: {
    ...common,
    since: 'optimised',
    doc:
      'One iteration of sinkhorn: takes the sums of the columns together from their blocks of rows, moves v unless that was enough, and leaves the ' +
      'sums of the new plan. Without a state, the sums of exp(cost). Once converged only the head is carried on and the sums mean nothing.',
    formula:
      'y = [v, iterations done, residual, converged] + [largest logarithm of each block and column] + [sums of exp beside it]',
    infer(inputs, { tolerance, block }) {
      const complaint =
        wantCount(inputs, 3, 4) ??
        firstOf(wantTolerance(tolerance), wantBlock(block)) ??
        wantProblem(inputs) ??
        wantState(inputs[3])
      if (complaint) return complaint
      const type = stateType(inputs[0], block)
      return (
        (inputs.length === 4 ? wantSame(inputs[3].shape[0], type.shape[0], 'axis 0 of the state and its size') : null) ?? type
      )
    },
    evaluate: (inputs, { tolerance, block }) => step(inputs, tolerance, block),
  },
  sinkhorn_finish: {
    ...common,
    since: 'optimised',
    doc: 'What sinkhorn gives, from the column marginals and the last state; the residual of the last iteration is worked out here.',
    formula: 'y = [v[0], ..., v[E - 1], iterations done, residual]',
    infer(inputs) {
      const complaint =
        wantCount(inputs, 2) ?? wantType(inputs[0], 'column marginals', 'f32') ?? wantRank(inputs[0], 'column marginals', 1)
      return complaint ?? wantState(inputs[1]) ?? { shape: [add(inputs[0].shape[0], 2)], dtype: 'f32' }
    },
    evaluate: (inputs) => finish(inputs),
  },
}
