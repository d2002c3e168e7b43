/** What the loop asks of whatever computes: a device with its plans, or the oracle. */
import type { FileData } from '../runtime/checkpoint/encode.ts'
import type { RouteRecord } from '../runtime/routing/record.ts'
import type { HostData } from '../runtime/tensors.ts'

/** What a batch feeds, by the names of the recipe's inputs. */
export type BatchInputs = Readonly<Record<string, HostData>>

/** Weights and the optimiser's state by their names; f64 where the machine counts so. */
export type State = Readonly<Record<string, FileData>>

export interface Answers {
  /** By the names of the recipe's losses, those that this batch has; their sum is the objective. */
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  /** What each routed layer decided; null where it was not read back. */
  readonly routes: RouteRecord | null
}

export interface UpdateScalars {
  /** The optimiser's rate times the factor of the schedule. */
  readonly rate: number
  /** Updates with this one, without those that moved nothing: 1 at the first. */
  readonly update: number
  /** What the losses of the step were multiplied by: 1 in f32. */
  readonly scale: number
}

/** Calls are made one at a time, each after the last has answered. */
export interface Machine {
  /** What computes, for the record: `NVIDIA H200`. */
  readonly adapter: string
  /**
   * Forward and backward of a micro-batch; its gradients are added to those since the last update. `chosen` lists the layers that compete.
   * `inputs` has `random`, i32 [2], where the recipe is random: its second number differs for each micro-batch of a run; the moment of the run
   * (`plan/moment.ts`); in mixed precision also the scale of the losses, f32 [].
   */
  readonly step: (chosen: readonly string[], inputs: BatchInputs) => Promise<Answers>
  /**
   * Averages the gradients over the recipe's `accumulate` micro-batches, clips and moves the weights. `norm` is that before clipping; in mixed
   * precision nothing moves where it exceeds `MOST_NORM` or is no number.
   */
  readonly update: (scalars: UpdateScalars) => Promise<{ readonly norm: number }>
  /** The same without learning: no contest, no dropout, no gradients; `inputs` has `random` and the moment as in a step. */
  readonly evaluate: (inputs: BatchInputs) => Promise<Answers>
  /** All weights and all of the optimiser's state, or those named, as they are between two updates. */
  readonly read: (names?: readonly string[]) => Promise<State>
  /** Writes those given and leaves the rest. What was never written is zero. */
  readonly write: (tensors: State) => Promise<void>
}
