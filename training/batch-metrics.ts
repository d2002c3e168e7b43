/** Losses and metrics of micro-batches: their means, and the check that losses are finite. */
import { NotFiniteError } from '../runtime/errors.ts'
import { DivergedError } from './errors.ts'
import type { BatchMetrics } from './machine.ts'

export interface MeanMetrics {
  /** The sum of the losses. */
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
}

type Values = Readonly<Record<string, number>>

/** The mean of each name over the batches that have it. */
function means(all: readonly Values[]): Values {
  const names = [...new Set(all.flatMap((values) => Object.keys(values)))]
  return Object.fromEntries(
    names.map((name) => {
      const values = all.flatMap((each) => (Object.hasOwn(each, name) ? [each[name]] : []))
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length]
    }),
  )
}

/** The means over several batches. */
export function averageMetrics(batches: readonly BatchMetrics[]): MeanMetrics {
  const losses = means(batches.map((batch) => batch.losses))
  return {
    loss: Object.values(losses).reduce((sum, loss) => sum + loss, 0),
    losses,
    metrics: means(batches.map(({ metrics }) => metrics)),
  }
}

/** Throws a DivergedError for a loss that is not finite. A metric may be NaN, such as a ratio over nothing. */
export function checkFinite(step: number, { losses }: BatchMetrics): void {
  for (const [name, value] of Object.entries(losses)) if (!Number.isFinite(value)) throw new DivergedError(step, name, value)
}

/** A `catch` handler for calls of a machine: routing weights that are not finite also mean that the run has diverged. */
export const divergedAt =
  (step: number) =>
  (error: unknown): never => {
    throw error instanceof NotFiniteError ? new DivergedError(step, error.output, NaN) : error
  }
