/** Learning rate schedules: warmup, then constant, linear or cosine decay. */
import type { RateSchedule } from '../../plan/recipe.ts'

/** From 1 at fraction 0 to `final` at fraction 1. */
function decayFactor(schedule: RateSchedule, fraction: number): number {
  switch (schedule.kind) {
    case 'constant':
      return 1
    case 'linear':
      return 1 + (schedule.final - 1) * fraction
    // Loshchilov and Hutter, 2017, without restarts
    case 'cosine':
      return schedule.final + (1 - schedule.final) * (0.5 + 0.5 * Math.cos(Math.PI * fraction))
    default:
      return schedule satisfies never
  }
}

/**
 * Factor on the learning rate at step 0..steps-1. It rises linearly over the first `warmup` steps and is 1 at the last of them,
 * or at step 0 without warmup; it decays to `final` at step steps - 1 and stays there.
 */
export function learningRateFactor(schedule: RateSchedule, step: number, steps: number): number {
  const { warmup } = schedule
  if (step < warmup) return (step + 1) / warmup
  const top = Math.max(0, warmup - 1)
  return decayFactor(schedule, Math.min(1, (step - top) / Math.max(1, steps - 1 - top)))
}
