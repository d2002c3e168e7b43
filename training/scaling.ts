/** What the losses are multiplied by in mixed precision, so that small gradients are numbers of f16 and large ones too. Micikevicius et al., 2018. */
import { MAX_FINITE_NORM } from '../plan/update.ts'

export interface Scaling {
  /** A power of two: it changes no digit of a gradient. */
  readonly scale: number
  /** Updates in a row that moved the weights, since the scale was last changed. */
  readonly good: number
  /** Updates of the run that left everything as it was. */
  readonly skipped: number
}

export const FIRST_SCALING: Scaling = { scale: 2 ** 16, good: 0, skipped: 0 }

/** After so many good updates in a row the scale is doubled. */
export const GOOD_UPDATES = 200

export const MOST_SCALE = 2 ** 24

/** Where gradients exceed f16 at this scale they do without one: the run has diverged. */
export const LEAST_SCALE = 1

/** Whether an update with this norm moves the weights: what the update itself asks, of the same number. */
export const isSound = (norm: number): boolean => norm <= MAX_FINITE_NORM

export function nextScaling({ scale, good, skipped }: Scaling, sound: boolean): Scaling {
  if (!sound) return { scale: Math.max(LEAST_SCALE, scale / 2), good: 0, skipped: skipped + 1 }
  return good + 1 < GOOD_UPDATES
    ? { scale, good: good + 1, skipped }
    : { scale: Math.max(scale, Math.min(MOST_SCALE, 2 * scale)), good: 0, skipped }
}
