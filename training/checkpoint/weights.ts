/** The checkpoint of a run as weights, without optimizer state and routing state. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import { headOf } from './decode.ts'
import { KEYS } from './encode.ts'

export interface RunWeights {
  readonly checkpoint: Checkpoint
  readonly model: string
  /** Steps that were done when it was saved. */
  readonly step: number
  /** What the tokens stood for; null where the run did not learn from text. */
  readonly vocabulary: Vocabulary | null
}

/** Null for a checkpoint that was not saved by a training run. Throws a ResumeError for a damaged one. */
export function runWeights(checkpoint: Checkpoint): RunWeights | null {
  if (!Object.hasOwn(checkpoint.metadata, KEYS.head)) return null
  const { recipe, progress, vocabulary } = headOf(checkpoint)
  const weights = new Set(recipe.weights.map(({ name }) => name))
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => weights.has(name)))
  return { checkpoint: { ...checkpoint, tensors, isByPath: true }, model: recipe.model, step: progress.step, vocabulary }
}
