/** Mixtures of regressions x -> y whose experts all answer, and the derivatives of their answers, in f64. */

/** Width of a sample; the answer is one number. */
export const D = 2

/** Numbers of an expert in a vector of parameters: the log of its mass, its row of the router, its slopes, its offset. */
export const WIDTH = 1 + D + D + 1
export const [MASS, ROW, SLOPES, OFFSET] = [0, 1, 1 + D, 1 + 2 * D]

export type Way = 'competition' | 'softmax'
export type Kind = 'affine' | 'tanh'

/**
 * The output of an expert is e = a x + c, or its tanh. Weights are p = softmax(l): by competition l = ln m + ln softplus(e), of
 * a router l = ln m + g x. The mixture answers sum(p e). A mixture with one expert more contains each with fewer: two that are
 * alike share the mass of one.
 */
export interface Mixture {
  readonly way: Way
  readonly kind: Kind
  readonly experts: number
}

/** Where the parameters stand that a mixture has: by competition there is no router. */
export const isUsed = ({ way }: Mixture, place: number): boolean => {
  const at = place % WIDTH
  return way === 'softmax' || at < ROW || at >= SLOPES
}

/** ln(softplus(e)), and its derivative. */
function logSoftplus(e: number): readonly [value: number, derivative: number] {
  if (e < -30) return [e, 1]
  const softplus = e > 30 ? e : Math.log1p(Math.exp(e))
  return [Math.log(softplus), 1 / (1 + Math.exp(-e)) / softplus]
}

/** The answer to the sample at `at` of x; its derivatives by all parameters are left in `derivatives`, where it is given. */
export type Answer = (parameters: Float64Array, x: Float64Array, at: number, derivatives?: Float64Array) => number

export function answerOf({ way, kind, experts }: Mixture): Answer {
  const [answers, logits, responses] = [new Float64Array(experts), new Float64Array(experts), new Float64Array(experts)]
  return (parameters, x, at, derivatives) => {
    let most = -Infinity
    for (let j = 0; j < experts; j++) {
      const place = j * WIDTH
      let [u, gate] = [parameters[place + OFFSET], parameters[place + MASS]]
      for (let d = 0; d < D; d++) {
        u += parameters[place + SLOPES + d] * x[at + d]
        if (way === 'softmax') gate += parameters[place + ROW + d] * x[at + d]
      }
      const e = kind === 'tanh' ? Math.tanh(u) : u
      if (way === 'competition') {
        const [value, derivative] = logSoftplus(e)
        gate += value
        responses[j] = derivative
      }
      answers[j] = e
      logits[j] = gate
      most = Math.max(most, gate)
    }
    let [sum, mixed] = [0, 0]
    for (let j = 0; j < experts; j++) {
      logits[j] = Math.exp(logits[j] - most)
      sum += logits[j]
      mixed += logits[j] * answers[j]
    }
    const y = mixed / sum
    if (derivatives === undefined) return y
    for (let j = 0; j < experts; j++) {
      const [place, p, e] = [j * WIDTH, logits[j] / sum, answers[j]]
      const byLogit = p * (e - y)
      const byAnswer = (p + byLogit * responses[j]) * (kind === 'tanh' ? 1 - e * e : 1)
      derivatives[place + MASS] = byLogit
      derivatives[place + OFFSET] = byAnswer
      for (let d = 0; d < D; d++) {
        derivatives[place + ROW + d] = way === 'softmax' ? byLogit * x[at + d] : 0
        derivatives[place + SLOPES + d] = byAnswer * x[at + d]
      }
    }
    return y
  }
}
