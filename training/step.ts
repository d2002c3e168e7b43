/** One step: micro-batches, their gradients summed by the machine, and the update. */
import type { Recipe } from '../plan/recipe.ts'
import { SCALE_INPUT } from '../plan/update.ts'
import { checkFinite, divergedAt, meanAnswers, type MeanAnswers } from './answers.ts'
import type { Batch, Position } from './data/batches.ts'
import { DivergedError } from './errors.ts'
import type { LayerRouting } from './events.ts'
import { givenInStep } from './given.ts'
import type { Answers, BatchInputs, Machine } from './machine.ts'
import { describeRoutes, joinRecords } from './routing.ts'
import { isSound, LEAST_SCALE, nextScaling, type Scaling } from './scaling.ts'
import { rateFactor } from './schedule/rate.ts'

export interface Stepped extends MeanAnswers {
  readonly position: Position
  readonly rate: number
  readonly norm: number
  readonly chosen: readonly string[]
  readonly routing: readonly LayerRouting[]
  /** What the losses were multiplied by; null in f32. */
  readonly scale: number | null
  /** Whether the update left everything as it was, since a gradient was too large for f16. */
  readonly skipped: boolean
  /** For the next step. */
  readonly scaling: Scaling | null
}

export interface Stepper {
  readonly recipe: Recipe
  readonly machine: Machine
  readonly batch: (position: Position) => Batch
  readonly chosen: (step: number) => readonly string[]
}

const withScale = (inputs: BatchInputs, scaling: Scaling | null): BatchInputs =>
  scaling === null ? inputs : { ...inputs, [SCALE_INPUT]: { shape: [], data: Float32Array.of(scaling.scale) } }

/** Whether weights have moved. Throws a DivergedError where no smaller scale would help. */
function hasMoved(step: number, norm: number, scaling: Scaling | null): boolean {
  const sound = scaling === null ? Number.isFinite(norm) : isSound(norm)
  if (!sound && (scaling === null || scaling.scale <= LEAST_SCALE))
    throw new DivergedError(step, 'the norm of the gradients', norm, 'backward')
  return sound
}

/** Step `step`, from 0, with the examples from a position on. Throws a DivergedError, counting steps from 1. */
export async function takeStep(
  { recipe, machine, batch, chosen }: Stepper,
  step: number,
  from: Position,
  scaling: Scaling | null,
): Promise<Stepped> {
  const layers = chosen(step)
  const answers: Answers[] = []
  let position = from
  for (let part = 0; part < recipe.accumulate; part++) {
    const { inputs, next } = batch(position)
    const answer = await machine
      .step(layers, withScale({ ...inputs, ...givenInStep(recipe, step, part) }, scaling))
      .catch(divergedAt(step + 1))
    checkFinite(step + 1, answer)
    answers.push(answer)
    position = next
  }
  const rate = recipe.optimiser.rate * rateFactor(recipe.schedule, step, recipe.steps)
  const { norm } = await machine.update({ rate, update: step + 1 - (scaling?.skipped ?? 0), scale: scaling?.scale ?? 1 })
  const moved = hasMoved(step + 1, norm, scaling)
  return {
    ...meanAnswers(answers),
    position,
    rate,
    norm,
    chosen: layers,
    routing: describeRoutes(joinRecords(answers.map(({ routes }) => routes))),
    scale: scaling?.scale ?? null,
    skipped: !moved,
    scaling: scaling === null ? null : nextScaling(scaling, moved),
  }
}
