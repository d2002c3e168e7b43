import type { RateSchedule } from '../../plan/recipe.ts'

/** From 1 at part 0 to `final` at part 1. */
function fall(schedule: RateSchedule, part: number): number {
  switch (schedule.kind) {
    case 'constant':
      return 1
    case 'linear':
      return 1 + (schedule.final - 1) * part
    // Loshchilov and Hutter, 2017, without restarts
    case 'cosine':
      return schedule.final + (1 - schedule.final) * (0.5 + 0.5 * Math.cos(Math.PI * part))
    default:
      return schedule satisfies never
  }
}

/**
 * Factor on the rate at step 0..steps-1: rises linearly over the first `warmup` steps and is 1 at the last of them, or at step 0 without;
 * `final` is reached at step steps - 1 and kept.
 */
export function rateFactor(schedule: RateSchedule, step: number, steps: number): number {
  const { warmup } = schedule
  if (step < warmup) return (step + 1) / warmup
  const top = Math.max(0, warmup - 1)
  return fall(schedule, Math.min(1, (step - top) / Math.max(1, steps - 1 - top)))
}
