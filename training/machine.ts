/** The interface between the training loop and what computes: a device, or the f64 reference. */
import type { FileData } from '../runtime/checkpoint/encode.ts'
import type { RouteRecord } from '../runtime/routing/record.ts'
import type { HostData } from '../runtime/tensors.ts'

/** The tensors of a micro-batch, by the names of the recipe's inputs. */
export type BatchInputs = Readonly<Record<string, HostData>>

/** Weights and optimizer state, by name; f64 for a machine that computes in f64. */
export type State = Readonly<Record<string, FileData>>

/** Losses, metrics and routing of a micro-batch. */
export interface BatchMetrics {
  /** By the names of the recipe's losses, those that this micro-batch has. Their sum is the objective. */
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  /** The routing of each layer; null if it was not read back. */
  readonly routes: RouteRecord | null
}

export interface UpdateScalars {
  /** The learning rate of the optimizer times the factor of its schedule. */
  readonly learningRate: number
  /** The number of this update, from 1, not counting skipped ones. */
  readonly update: number
  /** The loss scale of the step; 1 in f32. */
  readonly lossScale: number
}

/** Calls are made one at a time. */
export interface Machine {
  /** The name of what computes, for the record: `NVIDIA H200`. */
  readonly adapter: string
  /**
   * Forward and backward pass of a micro-batch; its gradients are accumulated until the update. `competing` lists the
   * competitions that run. `inputs` has `random`, i32 [2], where the recipe is random: its second number differs for each
   * micro-batch of a run; the moment of the run (`plan/progress-inputs.ts`); in mixed precision also the loss scale, f32 [].
   */
  readonly step: (competing: readonly string[], inputs: BatchInputs) => Promise<BatchMetrics>
  /**
   * Averages the gradients over the recipe's `accumulate` micro-batches, clips them and updates the weights. `norm` is the global
   * norm before clipping. In mixed precision the update is skipped if `hasFiniteGradients(norm)` is false.
   */
  readonly update: (scalars: UpdateScalars) => Promise<{ readonly norm: number }>
  /**
   * Forward pass without learning: no competition, no dropout, no gradients. `inputs` has `random` and the moment as in a step.
   */
  readonly evaluate: (inputs: BatchInputs) => Promise<BatchMetrics>
  /** Reads all weights and the optimizer state, or the named tensors, between two updates. */
  readonly read: (names?: readonly string[]) => Promise<State>
  /** Writes the given tensors and keeps the others. A tensor that was never written is zero. */
  readonly write: (tensors: State) => Promise<void>
}
