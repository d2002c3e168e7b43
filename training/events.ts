/** What a run tells, in the order in which it happens. Plain data: as JSON it is the record of the run. */
import type { ContestSchedule } from './schedule/contest.ts'
import type { Progress } from './progress.ts'

export type TrainingEvent = StartEvent | StepEvent | ValidationEvent | ProbeEvent | CheckpointEvent | EndEvent

/** Once, before anything is computed. */
export interface StartEvent {
  readonly kind: 'start'
  readonly model: string
  readonly adapter: string
  readonly seed: number
  /** Steps of the whole run, and those that were done before. */
  readonly steps: number
  readonly done: number
  /** Numbers in all weights, those that are not learned too. */
  readonly parameters: number
  readonly training: DataFacts
  readonly validation: DataFacts | null
  /** Tokens, or examples, of a step. */
  readonly items: number
  readonly unit: 'token' | 'example'
  readonly layers: readonly StartLayer[]
  readonly schedule: ContestSchedule
  /** Weights from a checkpoint, and the names of those that were initialised instead; absent if all were initialised. Optimizer state is reset. */
  readonly weights?: { readonly name: string; readonly initialised: readonly string[] }
  /** The number of steps before the run was extended: from `done` on, schedules use `steps`. Absent if the run was not extended. */
  readonly lengthened?: number
}

export interface StartLayer {
  readonly layer: string
  readonly experts: number
  /** Percent, of `balanced within P%`, and the rate of `bias balanced at RATE`; absent where the layer has none. */
  readonly within?: number
  readonly biasRate?: number
}

export interface DataFacts {
  readonly name: string
  /** Examples of an epoch. */
  readonly examples: number
  readonly fingerprint: string
}

/** After each step. */
export interface StepEvent {
  readonly kind: 'step'
  /** Steps done with this one. */
  readonly step: number
  /** Passes over the examples: 1.5 is the middle of the second. */
  readonly epoch: number
  /** The sum of the losses, each the mean over the micro-batches. */
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  readonly rate: number
  /** Of the gradients, before clipping. */
  readonly norm: number
  /** What the losses were multiplied by; null in f32. */
  readonly scale: number | null
  /** Whether everything stayed as it was, since a gradient was too large for f16. */
  readonly skipped: boolean
  /** Layers that competed. */
  readonly chosen: readonly string[]
  readonly routing: readonly LayerRouting[]
  /** Since the run began, without the time between a stop and what followed. */
  readonly seconds: number
  /** Tokens, or examples, a second over the last steps. */
  readonly pace: number
  /** Seconds that the rest takes if it goes on like this. */
  readonly left: number
}

/** What a layer decided, over all tokens that were asked. A number is null where it has no meaning. */
export interface LayerRouting {
  readonly layer: string
  /** Absent in records that were written before it was recorded. */
  readonly tokens?: number
  /** Slots that each expert answers. */
  readonly load: readonly number[]
  readonly dropped: number
  readonly cv: number | null
  readonly maxVio: number | null
  readonly allocationEntropy: number | null
  readonly weightEntropy: number | null
}

/** After every so many steps, and before the first. */
export interface ValidationEvent {
  readonly kind: 'validation'
  readonly step: number
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly metrics: Readonly<Record<string, number>>
  readonly batches: number
  readonly seconds: number
}

/** With each validation: what the layers decide for examples that are always the same. */
export interface ProbeEvent {
  readonly kind: 'probe'
  readonly step: number
  readonly layers: readonly ProbedLayer[]
}

export interface ProbedLayer extends LayerRouting {
  /** Tokens whose first expert is another than at the last probe, and experts that are others; null at the first. */
  readonly changeTop1: number | null
  readonly changeSet: number | null
}

/** The run is still: what the machine holds and this progress are all that goes on from here. */
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
