/** The weights in a checkpoint of a run, without optimizer state and routing. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import { headerOf } from './decode.ts'
import { KEYS } from './encode.ts'
import { merged } from './merged.ts'

export interface RunWeights {
  readonly checkpoint: Checkpoint
  readonly model: string
  /** Steps done. */
  readonly step: number
  /** The vocabulary; null if the examples were not text. */
  readonly vocabulary: Vocabulary | null
}

/**
 * The weights of a run, low-rank pairs merged into those beside which they stand; null for a checkpoint that a run did not save.
 * Throws a ResumeError for a damaged one.
 */
export function runWeights(checkpoint: Checkpoint): RunWeights | null {
  if (!Object.hasOwn(checkpoint.metadata, KEYS.header)) return null
  const { recipe, progress, vocabulary } = headerOf(checkpoint)
  const weights = new Set(recipe.weights.map(({ name }) => name))
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => weights.has(name)))
  const own = merged({ ...checkpoint, tensors, isByPath: true }, recipe.adapters ?? [])
  return { checkpoint: own, model: recipe.model, step: progress.step, vocabulary }
}
