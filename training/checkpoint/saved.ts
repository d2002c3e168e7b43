import type { Recipe } from '../../plan/recipe.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import type { State } from '../machine.ts'
import type { Progress } from '../progress.ts'
import type { ContestSchedule } from '../schedule/contest.ts'

/** All that a run goes on from, and what tells it from other runs. */
export interface Saved {
  readonly recipe: Recipe
  /** Weights and the optimiser's state, as the machine named them. */
  readonly state: State
  /** With the recipe's seed, also the state of all random numbers: they are counted. */
  readonly progress: Progress
  readonly schedule: ContestSchedule
  readonly data: SavedData
  /** What tokens stand for, where the examples are text. */
  readonly vocabulary: Vocabulary | null
  /** The adapter that computed it; absent in states of earlier versions. */
  readonly adapter?: string
}

/** Fingerprints of the examples. */
export interface SavedData {
  readonly training: string
  readonly validation: string | null
}
