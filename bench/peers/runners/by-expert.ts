/**
 * The layer for libraries whose arrays have fixed shapes: the router and the experts are theirs, the lists of rows are made on
 * the host, and each expert gets its own rows.
 */
import type { LayerSize } from '../../../cli/bench/layer.ts'

export interface Assignment {
  readonly token: number
  readonly share: number
}

export interface Products {
  /** [T, d] to logits [T, E]. */
  readonly route: (x: Float32Array, tokens: number) => Promise<Float32Array>
  /** An expert's rows [n, d] to [n, d]. */
  readonly expert: (expert: number, rows: Float32Array, count: number) => Promise<Float32Array>
}

/** Indices of the k largest, the lower index first where two are equal. */
const topOf = (logits: Float32Array, k: number): readonly number[] =>
  Array.from(logits.keys())
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, k)

/** What each expert computes, by expert. The shares of a token are the softmax over its experts. */
export function assign(logits: Float32Array, { experts, k }: LayerSize): readonly (readonly Assignment[])[] {
  const all = Array.from({ length: experts }, (): Assignment[] => [])
  for (let token = 0; token < logits.length / experts; token++) {
    const row = logits.subarray(token * experts, (token + 1) * experts)
    const top = topOf(row, k)
    const powers = top.map((expert) => Math.exp(row[expert] - row[top[0]]))
    const sum = powers.reduce((a, b) => a + b, 0)
    for (const [place, expert] of top.entries()) all[expert].push({ token, share: powers[place] / sum })
  }
  return all
}

function gather(x: Float32Array, assignments: readonly Assignment[], width: number): Float32Array {
  const rows = new Float32Array(assignments.length * width)
  for (const [at, { token }] of assignments.entries()) rows.set(x.subarray(token * width, (token + 1) * width), at * width)
  return rows
}

function addRows(y: Float32Array, rows: Float32Array, assignments: readonly Assignment[], width: number): void {
  for (const [at, { token, share }] of assignments.entries())
    for (let column = 0; column < width; column++) y[token * width + column] += share * rows[at * width + column]
}

export async function runByExpert(x: Float32Array, size: LayerSize, { route, expert }: Products): Promise<Float32Array> {
  const { width } = size
  const y = new Float32Array(x.length)
  for (const [at, assignments] of assign(await route(x, x.length / width), size).entries()) {
    if (assignments.length === 0) continue
    addRows(y, await expert(at, gather(x, assignments, width), assignments.length), assignments, width)
  }
  return y
}

/** The matrix of one expert. */
export const expertOf = (data: Float32Array, expert: number, experts: number): Float32Array =>
  data.subarray((expert * data.length) / experts, ((expert + 1) * data.length) / experts)
