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

interface Candidate {
  readonly id: number
  readonly logit: number
}

/** The logits of a row, [V], with those of earlier tokens penalised. */
function penalised({ logits, at, width }: Row, history: Iterable<number>, penalty: number): Float32Array {
  const row = logits.slice(at, at + width)
  if (penalty !== 1) for (const id of new Set(history)) row[id] = row[id] < 0 ? row[id] * penalty : row[id] / penalty
  return row
}

/** Probabilities of candidates, in f64. The first is the largest. */
function probabilities(candidates: readonly Candidate[], temperature: number): readonly number[] {
  const exponentials = candidates.map(({ logit }) => Math.exp((logit - candidates[0].logit) / temperature))
  const sum = exponentials.reduce((all, one) => all + one, 0)
  return exponentials.map((one) => one / sum)
}

/** The candidates from the most probable down; of equal ones the lowest id first. Ties with the last of `topK` stay. */
function ranked(row: Float32Array, topK: number | null): readonly Candidate[] {
  const all = Array.from(row, (logit, id) => ({ id, logit })).sort((a, b) => b.logit - a.logit || a.id - b.id)
  if (topK === null || topK >= all.length) return all
  const least = all[topK - 1].logit
  return all.filter(({ logit }) => logit >= least)
}

/** The candidates before which less than `topP` lies. */
function nucleus(candidates: readonly Candidate[], topP: number, temperature: number): readonly Candidate[] {
  let before = 0
  const share = probabilities(candidates, temperature)
  const count = share.findIndex((probability) => (before += probability) >= topP)
  return count < 0 ? candidates : candidates.slice(0, count + 1)
}

function draw(row: Float32Array, { temperature, topK, topP, minP }: Sampling, uniform: number): number {
  let candidates = ranked(row, topK)
  if (topP !== null) candidates = nucleus(candidates, topP, temperature)
  if (minP !== null) {
    const share = probabilities(candidates, temperature)
    candidates = candidates.filter((_, at) => share[at] >= minP * share[0])
  }
  let rest = uniform
  const share = probabilities(candidates, temperature)
  const at = share.findIndex((probability) => (rest -= probability) < 0)
  return candidates[at < 0 ? candidates.length - 1 : at].id
}

/**
 * The next token after a row of finite logits. `history` is what came before; `uniform`, in (0, 1), decides what is drawn. The order is
 * that of transformers: penalty, temperature, top-k, top-p, min-p.
 */
export function chooseToken(row: Row, history: Iterable<number>, sampling: Sampling, uniform: () => number): Choice {
  const logits = penalised(row, history, sampling.repetitionPenalty)
  const id = sampling.temperature === 0 ? best({ logits, at: 0, width: row.width }) : draw(logits, sampling, uniform())
  return { id, logProbability: -surprise(row, id, logSum(row)) }
}
