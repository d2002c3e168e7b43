/** The next token from logits: the most probable one, or one that is drawn. */
import { best, logSum, surprise, type Row } from '../analysis/eval/row.ts'

export interface Sampling {
  /** Logits are divided by it; 0 takes the most probable token. */
  readonly temperature: number
  /** Only the so many most probable tokens (Fan et al., 2018); null for all. */
  readonly topK: number | null
  /** The fewest most probable tokens whose probabilities reach it (Holtzman et al., 2020); null for all. */
  readonly topP: number | null
  /** Only tokens of at least this share of the largest probability (Nguyen et al., 2024); null for all. */
  readonly minP: number | null
  /** Logits of tokens that were there are divided by it, or multiplied if negative (Keskar et al., 2019); 1 for none. */
  readonly repetitionPenalty: number
}

export const GREEDY: Sampling = { temperature: 0, topK: null, topP: null, minP: null, repetitionPenalty: 1 }

export interface Choice {
  readonly id: number
  /** ln of the probability that the model gave it, before penalties and temperature. */
  readonly logProbability: number
}

/** The logits of a row, [V], with those of earlier tokens penalised. */
function penalised({ logits, at, width }: Row, history: Iterable<number>, penalty: number): Float32Array {
  const row = logits.slice(at, at + width)
  if (penalty !== 1) for (const id of new Set(history)) row[id] = row[id] < 0 ? row[id] * penalty : row[id] / penalty
  return row
}

/** Tokens from the most probable one down; of equal ones the lowest id first. They are sorted as far as they are asked for. */
interface Ranking {
  readonly length: number
  readonly id: (at: number) => number
  readonly logit: (at: number) => number
}

/** A key of a token is its place in the order of logits times this, plus its id: an integer that f64 holds. */
const MOST_IDS = 2 ** 21

/** How many tokens are sorted at first, and by how much more when they do not suffice. */
const SORTED = { first: 256, growth: 16 }

/** Buckets of keys: the sign, the exponent and seven bits of the mantissa. */
const BUCKET_BITS = 16

/** Of f32 as u32: the largest number has the smallest word. Of equal numbers 0 and -0 the words differ. */
const descending = (word: number): number => (word >= 0x80000000 ? word : 0x7fffffff - word)

function rank(row: Float32Array): Ranking {
  if (row.length > MOST_IDS) throw new RangeError(`a vocabulary of ${row.length} tokens, and ${MOST_IDS} are the most`)
  // -0 becomes 0, to which it is equal
  const words = new Uint32Array(row.map((logit) => logit + 0).buffer).map(descending)
  /** The word before which, in whole buckets, lie at least so many tokens. */
  const endOf = (wanted: number): number => {
    if (wanted === words.length) return 2 ** 32
    const buckets = new Uint32Array(2 ** BUCKET_BITS)
    for (const word of words) buckets[word >>> (32 - BUCKET_BITS)]++
    let [count, end] = [0, 0]
    while (count < wanted) count += buckets[end++]
    return end * 2 ** (32 - BUCKET_BITS)
  }
  /** The keys of at least so many tokens, in order. */
  const sortedKeys = (wanted: number): Float64Array => {
    const end = endOf(wanted)
    const keys = new Float64Array(words.length)
    let count = 0
    for (let id = 0; id < words.length; id++) if (words[id] < end) keys[count++] = words[id] * MOST_IDS + id
    return keys.subarray(0, count).sort()
  }
  let sorted: Float64Array = new Float64Array()
  const id = (at: number): number => {
    if (at >= sorted.length) sorted = sortedKeys(Math.min(row.length, Math.max(SORTED.first, (at + 1) * SORTED.growth)))
    return sorted[at] % MOST_IDS
  }
  return { length: row.length, id, logit: (at) => row[id(at)] }
}

/** How many of the first `most` hold, up to one that does not. */
function leading(most: number, holds: (at: number) => boolean): number {
  let at = 0
  while (at < most && holds(at)) at++
  return at
}

function draw(row: Float32Array, { temperature, topK, topP, minP }: Sampling, uniform: number): number {
  const ranking = rank(row)
  const largest = ranking.logit(0)
  const weightOf = (logit: number): number => Math.exp((logit - largest) / temperature)
  const weight = (at: number): number => weightOf(ranking.logit(at))
  const sumOf = (count: number): number => {
    let sum = 0
    if (count === row.length) for (const logit of row) sum += weightOf(logit)
    else for (let at = 0; at < count; at++) sum += weight(at)
    return sum
  }
  /** At which of the first `count`, with the sum of their weights, their shares reach a number; the last if they do not. */
  const reach = (count: number, sum: number, reached: (shares: number) => boolean): number => {
    let shares = 0
    const at = leading(count, (at) => !reached((shares += weight(at) / sum)))
    return Math.min(at, count - 1)
  }
  let count = row.length
  if (topK !== null && topK < count) {
    const least = ranking.logit(topK - 1)
    count = leading(count, (at) => ranking.logit(at) >= least)
  }
  if (topP !== null) count = reach(count, sumOf(count), (shares) => shares >= topP) + 1
  if (minP !== null) count = leading(count, (at) => weight(at) >= minP)
  return ranking.id(reach(count, sumOf(count), (shares) => shares > uniform))
}

/**
 * The next token after a row of finite logits, of which `sum` is the log-sum. `history` is what came before; `uniform`, in (0, 1),
 * decides what is drawn. The order is that of transformers: penalty, temperature, top-k, top-p, min-p.
 */
export function chooseToken(
  row: Row,
  history: Iterable<number>,
  sampling: Sampling,
  uniform: () => number,
  sum = logSum(row),
): Choice {
  const logits = penalised(row, history, sampling.repetitionPenalty)
  const id = sampling.temperature === 0 ? best({ logits, at: 0, width: row.width }) : draw(logits, sampling, uniform())
  return { id, logProbability: -surprise(row, id, sum) }
}
