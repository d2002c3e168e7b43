/**
 * The backward pass through the iterations of `sinkhorn`, one by one. With S[t, e] = exp(cost + u + v) scaled so that columns sum
 * to 1, and R so that rows do, d v of an iteration gives -S dv to the cost and to the u before it, and d u gives -R du to the
 * cost and to the v before it.
 */
import { add, multiply } from '../../plan/dim.ts'
import { inherited, type Records } from './record.ts'
import { firstOf, wantCount, wantRank, wantSame, wantType } from './shapes.ts'
import { isIdle, logSumExp, LOG_ZERO, startOf, transport, wantProblem, wantStops } from './sinkhorn.ts'
import { hostTensor, type HostTensor } from './tensor.ts'

interface Back {
  readonly cost: Float64Array
  readonly rows: Float64Array
  readonly columns: Float64Array
}

/** log v after each iteration that was done. */
function history(operands: readonly HostTensor[], iterations: number, tolerance: number): readonly Float64Array[] {
  const all: Float64Array[] = []
  transport(operands, iterations, tolerance, (logV) => all.push(logV.slice()))
  return all
}

function unroll([cost, rows, columns]: readonly HostTensor[], scalings: readonly Float64Array[], cotangent: Float64Array): Back {
  const [tokens, width] = cost.shape
  const c = cost.values
  const back: Back = { cost: new Float64Array(tokens * width), rows: new Float64Array(tokens), columns: new Float64Array(width) }
  let dv = cotangent.slice(0, width)
  for (let at = scalings.length - 1; at >= 0; at--) {
    const before = at === 0 ? null : scalings[at - 1]
    const logU =
      before === null
        ? rows.values.map(startOf)
        : rows.values.map((mass, t) =>
            mass > 0 ? Math.log(mass) - logSumExp(width, (j) => c[t * width + j] + before[j]) : LOG_ZERO,
          )
    const du = new Float64Array(tokens)
    for (let j = 0; j < width; j++) {
      const through = logSumExp(tokens, (t) => c[t * width + j] + logU[t])
      if (isIdle(columns.values[j], through)) continue
      back.columns[j] += dv[j] / columns.values[j]
      for (let t = 0; t < tokens; t++) {
        const share = dv[j] * Math.exp(c[t * width + j] + logU[t] - through)
        back.cost[t * width + j] -= share
        du[t] -= share
      }
    }
    if (before === null) break
    dv = new Float64Array(width)
    for (let t = 0; t < tokens; t++) {
      if (!(rows.values[t] > 0)) continue
      back.rows[t] += du[t] / rows.values[t]
      const through = logSumExp(width, (j) => c[t * width + j] + before[j])
      for (let j = 0; j < width; j++) {
        const share = du[t] * Math.exp(c[t * width + j] + before[j] - through)
        back.cost[t * width + j] -= share
        dv[j] -= share
      }
    }
  }
  return back
}

export const transportGradients: Records<'sinkhorn_gradient'> = {
  sinkhorn_gradient: {
    doc:
      'The gradients of cost, row marginals and column marginals, from that of the scalings v, through every iteration that sinkhorn does on the same operands. ' +
      'The cotangents of the count of iterations and of the residual are left out; rows and columns that take no part get 0. ' +
      'Behind them v after each iteration, 0 for those that are not done, which the backward pass reads.',
    formula:
      'y = [d cost[0, 0], ..., d cost[T - 1, E - 1], d rows[0], ..., d columns[0], ..., v[0] after the first iteration, ...]',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('its iterations worked out in f32'),
    infer(inputs, { iterations, tolerance }) {
      const complaint = wantCount(inputs, 4) ?? wantStops(iterations, tolerance) ?? wantProblem(inputs)
      if (complaint) return complaint
      const [cost, , , cotangent] = inputs
      const [tokens, width] = cost.shape
      const odd =
        firstOf(wantType(cotangent, 'cotangent', 'f32'), wantRank(cotangent, 'cotangent', 1)) ??
        wantSame(cotangent.shape[0], add(width, 2), 'axis 0 of the cotangent and of the result')
      return odd ?? { shape: [add(multiply(tokens, width), add(tokens, multiply(width, 1 + iterations)))], dtype: 'f32' }
    },
    evaluate(inputs, { iterations, tolerance }) {
      const scalings = history(inputs, iterations, tolerance)
      const { cost, rows, columns } = unroll(inputs, scalings, inputs[3].values)
      const values = new Float64Array(cost.length + rows.length + columns.length * (1 + iterations))
      let at = 0
      for (const part of [cost, rows, columns, ...scalings]) {
        values.set(part, at)
        at += part.length
      }
      return hostTensor([values.length], 'f32', values)
    },
  },
}
