/** What the old and the new router make of the same tokens, in f64 on the host. */
import type { RoutedLayer } from '../../runtime/routing/record.ts'

type Reals = Float64Array

/** A router's part of a layer, and the tokens that it saw. */
export interface Scored {
  /** [T, D] */
  readonly rows: Reals
  readonly tokens: number
  readonly experts: number
}

/** x W^T, [T, E]. */
export function logits({ rows, tokens, experts }: Scored, matrix: Reals, bias: Reals | null = null): Reals {
  const width = matrix.length / experts
  const made = new Float64Array(tokens * experts)
  for (let t = 0; t < tokens; t++) {
    for (let e = 0; e < experts; e++) {
      let sum = bias === null ? 0 : bias[e]
      for (let d = 0; d < width; d++) sum += rows[t * width + d] * matrix[e * width + d]
      made[t * experts + e] = sum
    }
  }
  return made
}

export function softmax(scores: Reals, experts: number): Reals {
  const made = new Float64Array(scores.length)
  for (let at = 0; at < scores.length; at += experts) {
    const row = scores.subarray(at, at + experts)
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const raised = row.map((value) => Math.exp(value - most))
    const sum = raised.reduce((a, b) => a + b, 0)
    made.set(
      raised.map((value) => value / sum),
      at,
    )
  }
  return made
}

/** V = alpha softmax(x W_EV) + (1 - alpha) softmax(x W^T). Do, Le and Tran, 2026, arXiv:2605.30992, equation 4. */
export const blend = (own: Reals, gate: Reals, alpha: number): Reals =>
  own.map((value, at) => alpha * value + (1 - alpha) * gate[at])

/** The k best of each token, best first, ties to the lower index, as a record that diagnostics take. */
export function select(name: string, scores: Reals, experts: number, k: number): RoutedLayer {
  const tokens = scores.length / experts
  const selected = new Int32Array(tokens * k)
  const weights = new Float64Array(tokens * k)
  for (let t = 0; t < tokens; t++) {
    const row = scores.subarray(t * experts, (t + 1) * experts)
    const order = Array.from(row.keys())
      .sort((a, b) => row[b] - row[a] || a - b)
      .slice(0, k)
    selected.set(order, t * k)
    weights.set(
      order.map((expert) => row[expert]),
      t * k,
    )
  }
  return { name, experts, tokens, k, selected, weights }
}

/** The mean over tokens of each expert's score, [E]. */
export function meanScores(scores: Reals, experts: number): Reals {
  const sums = new Float64Array(experts)
  scores.forEach((value, at) => (sums[at % experts] += value))
  const tokens = Math.max(1, scores.length / experts)
  return sums.map((sum) => sum / tokens)
}
