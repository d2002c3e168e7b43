import { fractions, type Load } from './load.ts'
import { logGamma } from './log-gamma.ts'

export const LOAD_VERDICTS = ['spread', 'uneven', 'collapsed', 'unknown'] as const

/** `unknown`: too few tokens, or no choice between experts. */
export type LoadVerdict = (typeof LOAD_VERDICTS)[number]

export interface LoadCollapse {
  /** Experts of an even load of the same entropy, exp(-sum f ln f): from 1 to E. Null where nothing was kept. */
  readonly effective: number | null
  /** The same where each token chooses at random. */
  readonly random: number | null
  /** 0 where the load is as even as random choices or more, 1 where all tokens go to the same experts. */
  readonly level: number | null
  /** The share of the kept slots of the busiest experts, as many of them as a token has. */
  readonly busiest: { readonly experts: number; readonly share: number } | null
  readonly verdict: LoadVerdict
}

/** Fewer tokens say nothing: 16 tokens choose one of two experts alike by chance in 3 of 100,000 cases. */
export const FEWEST_TOKENS = 16

/**
 * A level from which a load is uneven, and one from which it has collapsed: a quarter of what random choices have above the least
 * is left.
 */
export const [UNEVEN, COLLAPSED] = [0.25, 0.75]

/** Deviations of a binomial beyond which nothing counts. */
const TAIL = 12

/**
 * The expected entropy in nats of the load of E experts where each of T tokens chooses k of them at random. The load N of an
 * expert is binomial, of T tokens with the chance k / E, so the expectation is E sum_n P(N = n) g(n / (T k)) with g(f) = -f ln f:
 * exact, a sum over the binomial.
 */
export function randomEntropy(experts: number, tokens: number, k: number): number {
  const chance = k / experts
  if (chance >= 1) return Math.log(experts)
  const [mean, reach] = [tokens * chance, TAIL * Math.sqrt(tokens * chance * (1 - chance)) + TAIL]
  let sum = 0
  for (let n = Math.max(1, Math.floor(mean - reach)); n <= Math.min(tokens, Math.ceil(mean + reach)); n++) {
    const choose = logGamma(tokens + 1) - logGamma(n + 1) - logGamma(tokens - n + 1)
    const part = n / (tokens * k)
    sum -= Math.exp(choose + n * Math.log(chance) + (tokens - n) * Math.log1p(-chance)) * part * Math.log(part)
  }
  return experts * sum
}

function verdictOf(level: number | null, tokens: number): LoadVerdict {
  if (level === null || tokens < FEWEST_TOKENS) return 'unknown'
  return level >= COLLAPSED ? 'collapsed' : level >= UNEVEN ? 'uneven' : 'spread'
}

/**
 * Whether tokens go to few experts: (random - effective) / (random - k), with k the slots that a token has answered in the mean,
 * at least 1. The effective number is the perplexity of the load: Hill, 1973, of order 1.
 */
export function loadCollapse(load: Load, tokens: number): LoadCollapse {
  const { counts, kept } = load
  if (kept === 0 || tokens === 0) return { effective: null, random: null, level: null, busiest: null, verdict: 'unknown' }
  const k = Math.min(counts.length, Math.max(1, kept / tokens))
  const entropy = fractions(load).reduce((sum, part) => (part === 0 ? sum : sum - part * Math.log(part)), 0)
  const [effective, random] = [Math.exp(entropy), Math.exp(randomEntropy(counts.length, tokens, k))]
  // one token, or a choice of all experts, is as random as it is collapsed
  const level = random - k < 1e-9 * k ? null : Math.min(1, Math.max(0, (random - effective) / (random - k)))
  const experts = Math.ceil(k - 1e-9)
  const share =
    counts
      .toSorted((a, b) => b - a)
      .slice(0, experts)
      .reduce((sum, count) => sum + count, 0) / kept
  return { effective, random, level, busiest: { experts, share }, verdict: verdictOf(level, tokens) }
}
