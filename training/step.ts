/** One training step: forward and backward passes of its micro-batches with gradient accumulation, then the optimizer update. */
import type { Recipe } from '../plan/recipe.ts'
import { SCALE_INPUT } from '../plan/update.ts'
import { averageMetrics, checkFinite, divergedAt, type MeanMetrics } from './batch-metrics.ts'
import type { Batch, Position } from './data/batches.ts'
import { DivergedError } from './errors.ts'
import type { LayerRouting } from './events.ts'
import { hasFiniteGradients, MIN_SCALE, nextLossScaling, type LossScaling } from './loss-scaling.ts'
import type { BatchInputs, BatchMetrics, Machine } from './machine.ts'
import { describeRoutes, joinRecords } from './routing.ts'
import { learningRateFactor } from './schedule/learning-rate.ts'
import { stepInputs } from './step-inputs.ts'

export interface StepResult extends MeanMetrics {
  /** The position after the step. */
  readonly position: Position
  readonly learningRate: number
  /** Global norm of the gradients before clipping. */
  readonly gradientNorm: number
  /** The competitions that ran in this step. */
  readonly competing: readonly string[]
  readonly routing: readonly LayerRouting[]
  /** The loss scale of the step; null in f32. */
  readonly lossScale: number | null
  /** Whether the update was skipped because of an f16 overflow in the gradients. */
  readonly skipped: boolean
  /** For the next step; null in f32. */
  readonly lossScaling: LossScaling | null
}

export interface StepContext {
  readonly recipe: Recipe
  readonly machine: Machine
  readonly batch: (position: Position) => Batch
  readonly competing: (step: number) => readonly string[]
}

const withLossScale = (inputs: BatchInputs, scaling: LossScaling | null): BatchInputs =>
  scaling === null ? inputs : { ...inputs, [SCALE_INPUT]: { shape: [], data: Float32Array.of(scaling.scale) } }

/** Whether the update changed the weights. Throws a DivergedError if a smaller loss scale cannot help. */
function isUpdated(step: number, norm: number, scaling: LossScaling | null): boolean {
  const isFinite = scaling === null ? Number.isFinite(norm) : hasFiniteGradients(norm)
  if (!isFinite && (scaling === null || scaling.scale <= MIN_SCALE))
    throw new DivergedError(step, 'the gradient norm', norm, 'backward')
  return isFinite
}

/** Runs step `step`, from 0, with the examples from a position on. Throws a DivergedError, which counts steps from 1. */
export async function trainStep(
  { recipe, machine, batch, competing }: StepContext,
  step: number,
  from: Position,
  scaling: LossScaling | null,
): Promise<StepResult> {
  const competitions = competing(step)
  const all: BatchMetrics[] = []
  let position = from
  for (let microBatch = 0; microBatch < recipe.accumulate; microBatch++) {
    const { inputs, next } = batch(position)
    const metrics = await machine
      .step(competitions, withLossScale({ ...inputs, ...stepInputs(recipe, step, microBatch) }, scaling))
      .catch(divergedAt(step + 1))
    checkFinite(step + 1, metrics)
    all.push(metrics)
    position = next
  }
  const learningRate = recipe.optimiser.rate * learningRateFactor(recipe.schedule, step, recipe.steps)
  const update = step + 1 - (scaling?.skipped ?? 0)
  const { norm } = await machine.update({ learningRate, update, lossScale: scaling?.scale ?? 1 })
  const updated = isUpdated(step + 1, norm, scaling)
  return {
    ...averageMetrics(all),
    position,
    learningRate,
    gradientNorm: norm,
    competing: competitions,
    routing: describeRoutes(joinRecords(all.map(({ routes }) => routes))),
    lossScale: scaling?.scale ?? null,
    skipped: !updated,
    lossScaling: scaling === null ? null : nextLossScaling(scaling, updated),
  }
}
