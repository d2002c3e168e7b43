/**
 * Dynamic loss scaling in mixed precision: losses are multiplied by a scale, so that gradients are in the range of f16.
 * Micikevicius et al., 2018.
 */
import { MAX_FINITE_NORM } from '../plan/update.ts'

export interface LossScaling {
  /** A power of two, so that scaling is exact. */
  readonly scale: number
  /** Consecutive updates with finite gradients since the scale last changed. */
  readonly finiteUpdates: number
  /** Updates of the run that were skipped because of an overflow. */
  readonly skipped: number
}

export const INITIAL_LOSS_SCALING: LossScaling = { scale: 2 ** 16, finiteUpdates: 0, skipped: 0 }

/** The scale is doubled after this many consecutive updates with finite gradients. */
export const GROWTH_INTERVAL = 200

export const MAX_SCALE = 2 ** 24

/** If gradients overflow at this scale, the run has diverged. */
export const MIN_SCALE = 1

/**
 * Whether gradients with this global norm are finite. The update makes the same check on the device, and is skipped otherwise.
 */
export const hasFiniteGradients = (norm: number): boolean => norm <= MAX_FINITE_NORM

/** The state after an update: the scale is halved after an overflow, and doubled after `GROWTH_INTERVAL` finite updates. */
export function nextLossScaling({ scale, finiteUpdates, skipped }: LossScaling, isFinite: boolean): LossScaling {
  if (!isFinite) return { scale: Math.max(MIN_SCALE, scale / 2), finiteUpdates: 0, skipped: skipped + 1 }
  return finiteUpdates + 1 < GROWTH_INTERVAL
    ? { scale, finiteUpdates: finiteUpdates + 1, skipped }
    : { scale: Math.max(scale, Math.min(MAX_SCALE, 2 * scale)), finiteUpdates: 0, skipped }
}
