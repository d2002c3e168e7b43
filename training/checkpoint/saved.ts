/** The saved state of a run. */
import type { Recipe } from '../../plan/recipe.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import type { State } from '../machine.ts'
import type { Progress } from '../progress.ts'
import type { CompetitionSchedule } from '../schedule/competition.ts'

/** Everything that is needed to resume a run, and what identifies it. */
export interface Saved {
  readonly recipe: Recipe
  /** Weights and optimizer state, by the names of the machine. */
  readonly state: State
  /** With the seed, this is also the state of all random numbers, which are counter-based. */
  readonly progress: Progress
  readonly competitions: CompetitionSchedule
  readonly data: SavedData
  /** The vocabulary; null if the examples are not text. */
  readonly vocabulary: Vocabulary | null
  /** The adapter that computed it; absent in states of earlier versions. */
  readonly adapter?: string
}

/** Fingerprints of the examples, and of the teacher where there is one. */
export interface SavedData {
  readonly training: string
  readonly validation: string | null
  readonly teacher?: string
}
