/** The weights in a checkpoint of a run, without optimizer state and routing. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import { headerOf } from './decode.ts'
import { KEYS } from './encode.ts'

export interface RunWeights {
  readonly checkpoint: Checkpoint
  readonly model: string
  /** Steps done. */
  readonly step: number
  /** The vocabulary; null if the examples were not text. */
  readonly vocabulary: Vocabulary | null
}

/** The weights of a run; null for a checkpoint that a run did not save. Throws a ResumeError for a damaged one. */
export function runWeights(checkpoint: Checkpoint): RunWeights | null {
  if (!Object.hasOwn(checkpoint.metadata, KEYS.header)) return null
  const { recipe, progress, vocabulary } = headerOf(checkpoint)
  const weights = new Set(recipe.weights.map(({ name }) => name))
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => weights.has(name)))
  return { checkpoint: { ...checkpoint, tensors, isByPath: true }, model: recipe.model, step: progress.step, vocabulary }
}
