/** How far a run has come: with the machine's state, all that is needed to go on as if it had never stopped. No clock: two runs save the same bytes. */
import type { Recipe } from '../plan/recipe.ts'
import type { RouteRecord } from '../runtime/routing/record.ts'
import { START, type Position } from './data/batches.ts'
import { FIRST_SCALING, type Scaling } from './scaling.ts'

export interface Progress {
  /** Steps done; with the seed, the state of every random number. */
  readonly step: number
  readonly position: Position
  readonly validations: readonly { readonly step: number; readonly loss: number }[]
  /** Steps done at the last validation or probe; -1 before the first. */
  readonly looked: number
  /** What the last probe decided; null before the first. */
  readonly probe: RouteRecord | null
  /** In mixed precision; null in f32. */
  readonly scaling: Scaling | null
}

export const beginningOf = ({ precision }: Recipe): Progress => ({
  step: 0,
  position: START,
  validations: [],
  looked: -1,
  probe: null,
  scaling: precision === 'mixed' ? FIRST_SCALING : null,
})
