/**
 * The progress of a run. With the state of the machine it is enough to resume the run as if it had not stopped. It has no times,
 * so that two runs save the same bytes.
 */
import type { Recipe } from '../plan/recipe.ts'
import type { RouteRecord } from '../runtime/routing/record.ts'
import { START, type Position } from './data/batches.ts'
import { INITIAL_LOSS_SCALING, type LossScaling } from './loss-scaling.ts'

export interface Progress {
  /** Steps done. With the seed, this is the state of all random numbers. */
  readonly step: number
  readonly position: Position
  readonly validations: readonly { readonly step: number; readonly loss: number }[]
  /** Steps done at the last evaluation; -1 before the first. */
  readonly lastEvaluation: number
  /** The routing of the last probe; null before the first. */
  readonly probe: RouteRecord | null
  /** The state of dynamic loss scaling; null in f32. */
  readonly lossScaling: LossScaling | null
}

/** The progress of a new run. */
export const initialProgress = ({ precision }: Recipe): Progress => ({
  step: 0,
  position: START,
  validations: [],
  lastEvaluation: -1,
  probe: null,
  lossScaling: precision === 'mixed' ? INITIAL_LOSS_SCALING : null,
})
