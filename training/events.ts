/** The events of a run, in order. They are plain data; as JSON lines they are the record of the run. */
import type { CompetitionSchedule } from './schedule/competition.ts'
import type { Progress } from './progress.ts'

export type TrainingEvent = StartEvent | StepEvent | ValidationEvent | ProbeEvent | CheckpointEvent | EndEvent

/** Once, before anything is computed. */
export interface StartEvent {
  readonly kind: 'start'
  readonly model: string
  readonly adapter: string
  readonly seed: number
  /** Steps of the whole run, and those that are already done. */
  readonly steps: number
  readonly done: number
  /** Parameters of all weights, frozen ones included. */
  readonly parameters: number
  readonly training: DataFacts
  readonly validation: DataFacts | null
  /** Tokens, or examples, in a step. */
  readonly items: number
  readonly unit: 'token' | 'example'
  readonly layers: readonly StartLayer[]
  readonly competitions: CompetitionSchedule
  /**
   * The source of the initial weights, and the names of those that it lacked; absent if all were initialised. Optimizer state is
   * reset.
   */
  readonly weights?: { readonly name: string; readonly initialised: readonly string[] }
  /** The teacher that the run learns from; absent without one. */
  readonly teacher?: { readonly name: string; readonly fingerprint: string }
  /**
   * The number of steps before the run was extended: from step `done` on, schedules use `steps`. Absent if it was not extended.
   */
  readonly extendedFrom?: number
}

export interface StartLayer {
  readonly layer: string
  readonly experts: number
  /** The percentage of `balanced within P%`, and the rate of `bias balanced at RATE`; absent if the layer has none. */
  readonly within?: number
  readonly biasRate?: number
}

export interface DataFacts {
  readonly name: string
  /** Examples in an epoch. */
  readonly examples: number
  readonly fingerprint: string
}

/** After each step. */
export interface StepEvent {
  readonly kind: 'step'
  /** Steps done, this one included. */
  readonly step: number
  /** Epochs done: 1.5 is the middle of the second. */
  readonly epoch: number
  /** The sum of the losses, each a mean over the micro-batches. */
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  readonly learningRate: number
  /** Global norm of the gradients before clipping. */
  readonly gradientNorm: number
  /** The loss scale; null in f32. */
  readonly lossScale: number | null
  /** Whether the update was skipped because of an f16 overflow in the gradients. */
  readonly skipped: boolean
  /** The competitions that ran in this step. */
  readonly competing: readonly string[]
  readonly routing: readonly LayerRouting[]
  /** Seconds since the run began, without the time between a stop and the resume. */
  readonly seconds: number
  /** Tokens, or examples, per second over the last steps. */
  readonly throughput: number
  /** Estimated seconds to the end of the run. */
  readonly eta: number
}

/** Routing statistics of a layer over all tokens of a step. A number is null where it is undefined. */
export interface LayerRouting {
  readonly layer: string
  /** Absent in records of earlier versions. */
  readonly tokens?: number
  /** Tokens of each expert, [E]. */
  readonly load: readonly number[]
  readonly dropped: number
  readonly cv: number | null
  readonly maxVio: number | null
  readonly allocationEntropy: number | null
  readonly weightEntropy: number | null
}

/** After every `validateEvery` steps, and before the first. */
export interface ValidationEvent {
  readonly kind: 'validation'
  readonly step: number
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  readonly batches: number
  readonly seconds: number
}

/** With each evaluation: the routing of the probe batch, which is always the same. */
export interface ProbeEvent {
  readonly kind: 'probe'
  readonly step: number
  readonly layers: readonly ProbedLayer[]
}

export interface ProbedLayer extends LayerRouting {
  /** Expert change rates since the last probe, of the first expert and of the set; null at the first probe. */
  readonly changeTop1: number | null
  readonly changeSet: number | null
}

/** The run is paused: the state of the machine and this progress are enough to resume it. */
export interface CheckpointEvent {
  readonly kind: 'checkpoint'
  readonly step: number
  readonly progress: Progress
}

export interface EndEvent {
  readonly kind: 'end'
  readonly reason: 'done' | 'stopped'
  readonly step: number
  readonly seconds: number
}
