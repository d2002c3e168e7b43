/** What the experts of a routed layer answer, in plain loops over whole numbers. */
import type { Decision } from './law.ts'
import { width, type Expert, type Layer, type Weights } from './layer.ts'

/** From here on f32 leaves whole numbers out. */
const EXACT = 2 ** 24

const absolute = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + Math.abs(one), 0)

/** ((x gate^T) * (x up^T)) down^T of one token. */
export function answerOf({ gate, up, down }: Expert, x: readonly number[], F: number): readonly number[] {
  const [D, y] = [x.length, x.map(() => 0)]
  for (let f = 0; f < F; f++) {
    let [g, u] = [0, 0]
    for (let d = 0; d < D; d++) {
      g += gate[f * D + d] * x[d]
      u += up[f * D + d] * x[d]
    }
    for (let d = 0; d < D; d++) y[d] += g * u * down[d * F + f]
  }
  return y
}

/**
 * y of every token [T, D]: sum of weight * answer over kept slots, and the shared experts once and once more for what was passed
 * on to them.
 */
export function answersOf(
  layer: Layer,
  { experts, shared }: Weights,
  tokens: readonly (readonly number[])[],
  { ids, weights, spilled }: Decision,
): readonly (readonly number[])[] {
  return tokens.map((x, t) => {
    const y = Array.from({ length: width(layer) }, () => 0)
    const add = (expert: Expert, weight: number): void =>
      answerOf(expert, x, layer.F).forEach((value, d) => void (y[d] += weight * value))
    ids[t].forEach((e, j) => e >= 0 && add(experts[e], weights[t][j]))
    for (const one of shared) add(one, 1 + spilled[t])
    assertExact(layer, x, absolute(weights[t]) + shared.length * (1 + Math.abs(spilled[t])))
    return y
  })
}

/** No partial sum of a token leaves the whole numbers of f32: its experts' matrices hold -1, 0 and 1. */
function assertExact(layer: Layer, x: readonly number[], weight: number): void {
  const seen = absolute(layer.E > 16 ? x.slice(layer.E) : x)
  if (seen * seen * layer.F * weight >= EXACT) throw new Error(`a token of ${seen} is too large for sums to be exact`)
}
