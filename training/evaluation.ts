/** Evaluation without learning: the losses and metrics of the validation set, and the routing of a fixed probe batch. */
import type { RouteRecord } from '../runtime/routing/record.ts'
import { averageMetrics, checkFinite, divergedAt, type MeanMetrics } from './batch-metrics.ts'
import { orderedBatches } from './data/batches.ts'
import type { Examples } from './data/fit.ts'
import type { BatchInputs, BatchMetrics, Machine } from './machine.ts'

export interface EvaluationSettings {
  readonly training: Examples
  readonly validation: Examples | null
  /** The maximum number of batches. */
  readonly maxBatches: number
  /** Inputs other than examples: the progress of the run and the random seed. */
  readonly extraInputs: BatchInputs
}

export interface Evaluation {
  /** Null without a validation set. */
  readonly validation: (MeanMetrics & { readonly batches: number }) | null
  /** The routing of the probe batch, which is the first one; null if it was not read back. */
  readonly routes: RouteRecord | null
}

/**
 * Evaluates the first batches of the validation set, or one batch of the training set if there is none. Null if the signal aborts
 * it. Throws a DivergedError.
 */
export async function evaluateBatches(
  machine: Machine,
  step: number,
  { training, validation, maxBatches, extraInputs }: EvaluationSettings,
  signal?: AbortSignal,
): Promise<Evaluation | null> {
  const all: BatchMetrics[] = []
  for (const inputs of orderedBatches(validation ?? training, validation === null ? 1 : maxBatches)) {
    if (signal?.aborted === true) return null
    const metrics = await machine.evaluate({ ...inputs, ...extraInputs }).catch(divergedAt(step))
    checkFinite(step, metrics)
    all.push(metrics)
  }
  return {
    validation: validation === null ? null : { ...averageMetrics(all), batches: all.length },
    routes: all[0]?.routes ?? null,
  }
}
