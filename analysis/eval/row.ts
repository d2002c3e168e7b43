/** One row of logits as a distribution over the next token, in f64. */

export interface Row {
  /** [n * width] logits; the row begins at `at`. */
  readonly logits: Float32Array
  readonly at: number
  readonly width: number
}

/** ln(sum(exp(logits))); NaN where a logit is not finite. */
export function logSum({ logits, at, width }: Row): number {
  let largest = -Infinity
  for (let i = at; i < at + width; i++) if (logits[i] > largest) largest = logits[i]
  let sum = 0
  for (let i = at; i < at + width; i++) sum += Math.exp(logits[i] - largest)
  return Number.isFinite(largest) ? largest + Math.log(sum) : NaN
}

/** The index of the largest logit, the lowest of equal ones. */
export function best({ logits, at, width }: Row): number {
  let found = at
  for (let i = at + 1; i < at + width; i++) if (logits[i] > logits[found]) found = i
  return found - at
}

/** -ln p(token), in nats. */
export const surprise = (row: Row, token: number, sum = logSum(row)): number => sum - row.logits[row.at + token]

/** KL(p || q) = sum over tokens of p (ln p - ln q), in nats: how much q loses where p is right. Both of one width. */
export function divergence(p: Row, q: Row, sumOfP = logSum(p), sumOfQ = logSum(q)): number {
  let total = 0
  for (let i = 0; i < p.width; i++) {
    const logP = p.logits[p.at + i] - sumOfP
    total += Math.exp(logP) * (logP - (q.logits[q.at + i] - sumOfQ))
  }
  return total
}
