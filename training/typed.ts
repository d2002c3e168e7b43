/** The runtime of generated training bindings: the training loop, typed by the names of a recipe. */
import type { Recipe } from '../plan/recipe.ts'
import type { Checkpoint } from '../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../runtime/checkpoint/memory.ts'
import type { Device } from '../runtime/device.ts'
import { StateError } from '../runtime/errors.ts'
import { checkInputs, type TypedPort } from '../runtime/typed.ts'
import { resumeFrom, savedOf } from './checkpoint/of-run.ts'
import type { Saved } from './checkpoint/saved.ts'
import type { Data } from './data/data.ts'
import { createDeviceMachine, type DeviceMachine, type MachinePlans } from './device-machine.ts'
import type {
  CheckpointEvent,
  EndEvent,
  LayerRouting,
  ProbedLayer,
  ProbeEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
  ValidationEvent,
} from './events.ts'
import { evaluationInputs } from './step-inputs.ts'
import { initialState } from './initialise.ts'
import { train } from './loop.ts'
import type { BatchMetrics, BatchInputs } from './machine.ts'
import { initialProgress, type Progress } from './progress.ts'
import type { Training } from './run.ts'

/** The names of a recipe, as types. */
export interface TrainingNames {
  readonly loss: string
  readonly metric: string
  /** Instances of the routed layers. */
  readonly layer: string
  /** The competitions, if a policy has several; else the layers. */
  readonly competitionStep?: string
  /** Weights by path. */
  readonly weights: object
  /** The tensors of a micro-batch, by input name. */
  readonly batch: object
}

/** `loss.next` belongs to the model, `loss.layers.0.moe.router.balance` to a policy. */
type Own<Name extends string> = Name extends `${string}.${string}.${string}` ? never : Name

/**
 * Losses or metrics by name. Those of the model are always reported, those of a policy only in steps that compute them. A loss in
 * the body of a model, outside of its `train` block, is reported for steps alone.
 */
export type Reported<Name extends string> = Readonly<Record<Own<Name>, number>> & {
  readonly [Policy in Exclude<Name, Own<Name>>]?: number
}

interface ReportedOf<N extends TrainingNames> {
  readonly losses: Reported<N['loss']>
  readonly metrics: Reported<N['metric']>
}

type OfLayer<N extends TrainingNames, Facts> = Omit<Facts, 'layer'> & { readonly layer: N['layer'] }

export type TypedStart<N extends TrainingNames> = Omit<StartEvent, 'layers'> & {
  readonly layers: readonly OfLayer<N, StartEvent['layers'][number]>[]
}
export type TypedStep<N extends TrainingNames> = Omit<StepEvent, 'losses' | 'metrics' | 'competing' | 'routing'> &
  ReportedOf<N> & {
    readonly competing: readonly (N extends { readonly competitionStep: infer Step } ? Step : N['layer'])[]
    readonly routing: readonly OfLayer<N, LayerRouting>[]
  }
export type TypedValidation<N extends TrainingNames> = Omit<ValidationEvent, 'losses' | 'metrics'> & ReportedOf<N>
export type TypedProbe<N extends TrainingNames> = Omit<ProbeEvent, 'layers'> & {
  readonly layers: readonly OfLayer<N, ProbedLayer>[]
}

/** `TrainingEvent` with the names of a recipe. */
export type TypedEvent<N extends TrainingNames> =
  TypedStart<N> | TypedStep<N> | TypedValidation<N> | TypedProbe<N> | CheckpointEvent | EndEvent

/** `BatchMetrics` with the names of a recipe. */
export type TypedBatchMetrics<N extends TrainingNames> = Omit<BatchMetrics, 'losses' | 'metrics'> & ReportedOf<N>

/** What generated bindings know of their recipe. */
export interface TrainingFacts {
  readonly model: string
  /** Losses and metrics that each step and each evaluation reports. */
  readonly reported: readonly string[]
  /** Weights that only training reads; plans of inference lack them. */
  readonly trainingOnly: readonly string[]
}

export type TypedTrainingOptions = Omit<Training, 'recipe' | 'machine' | 'training' | 'from' | 'extendedFrom'> & {
  /** A state to resume, as `decodeSaved` returns it. */
  readonly saved?: Saved
}

export interface TypedTraining<N extends TrainingNames> {
  /** The recipe of the plans, with its batch sizes, steps and rates. */
  readonly recipe: Recipe
  /** The machine, for everything that is not typed here. */
  readonly machine: DeviceMachine
  /** The events of the run, each emitted once. If a loop over them is left, the next call continues after the last event. */
  readonly events: () => AsyncGenerator<TypedEvent<N>, void>
  /** Evaluates a batch between two events. Throws what `checkInputs` throws for a batch of other sizes. */
  readonly evaluate: (batch: N['batch']) => Promise<TypedBatchMetrics<N>>
  /** Reads the named weights, or all. */
  readonly read: <Path extends keyof N['weights']>(names?: readonly Path[]) => Promise<Readonly<Pick<N['weights'], Path>>>
  /** The current weights of inference, by path. */
  readonly checkpoint: () => Promise<Checkpoint>
  /** The state to resume from, after a checkpoint event or the end. Throws a StateError elsewhere. */
  readonly save: () => Promise<Saved>
  /** Frees its device memory, but not the device. Further calls do nothing. */
  readonly dispose: () => void
}

function checkRecipe({ model, reported }: TrainingFacts, recipe: Recipe): void {
  if (recipe.model !== model) throw new TypeError(`the plans belong to ${recipe.model}, not to ${model}`)
  const known = new Set([...recipe.losses, ...recipe.metrics])
  const missing = reported.find((name) => !known.has(name))
  if (missing !== undefined)
    throw new TypeError(`the plans of ${model} do not report ${missing}: they were compiled from another spec than the bindings`)
}

const portsOf = ({ inputs }: Recipe): readonly TypedPort[] =>
  inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape.map(String) }))

/**
 * Starts a run on a device, with initialised weights or those of a saved state. Throws a TypeError for plans of another model, a
 * FitError if data and model do not fit, a ResumeError for the state of another run, and the errors of the device.
 */
export async function startTraining<N extends TrainingNames>(
  facts: TrainingFacts,
  device: Device,
  plans: MachinePlans,
  data: Data,
  { saved, ...options }: TypedTrainingOptions = {},
): Promise<TypedTraining<N>> {
  const { recipe } = plans
  checkRecipe(facts, recipe)
  const machine = createDeviceMachine(device, plans)
  try {
    const fresh: Training = { ...options, recipe, machine, training: data, from: initialProgress(recipe) }
    const training = saved === undefined ? fresh : await resumeFrom('the saved state', saved, fresh)
    const run = train(training)
    const { value: start } = (await run.next()) as IteratorYieldResult<StartEvent>
    // `from` keeps the loop from initialising the machine, so that weights can be read and evaluated before the first step
    if (saved === undefined) await machine.write(initialState(recipe, options.weights))
    return typedTraining(facts, training, machine, start, run)
  } catch (error) {
    machine.dispose()
    throw error
  }
}

function typedTraining<N extends TrainingNames>(
  { trainingOnly }: TrainingFacts,
  training: Training,
  machine: DeviceMachine,
  start: StartEvent,
  run: AsyncGenerator<TrainingEvent, void>,
): TypedTraining<N> {
  const { recipe } = training
  const ports = portsOf(recipe)
  const paths = recipe.weights.map(({ name }) => name)
  let pending: TrainingEvent | null = start
  /** The progress of the last checkpoint event while the machine is still in its state. */
  let saveable: Progress | null = null
  let done = (start as StartEvent).done

  async function nextEvent(): Promise<TrainingEvent | null> {
    const before = saveable
    saveable = null
    const { value: event = null } = (await run.next()) as IteratorResult<TrainingEvent, undefined>
    if (event?.kind === 'step') done = event.step
    saveable = event === null || event.kind === 'end' ? before : event.kind === 'checkpoint' ? event.progress : null
    return event
  }

  async function* events(): AsyncGenerator<TypedEvent<N>, void> {
    // not `for await`, which would end the run when its consumer leaves the loop
    for (;;) {
      const event = pending ?? (await nextEvent())
      pending = null
      if (event === null) return
      yield event as unknown as TypedEvent<N>
    }
  }

  return {
    recipe,
    machine,
    events,
    evaluate: async (batch) => {
      const inputs = { ...batch } as BatchInputs
      checkInputs(ports, inputs)
      return (await machine.evaluate({ ...inputs, ...evaluationInputs(recipe, done) })) as unknown as TypedBatchMetrics<N>
    },
    read: async <Path extends keyof N['weights']>(names?: readonly Path[]) =>
      (await machine.read((names as readonly string[] | undefined) ?? paths)) as unknown as Readonly<Pick<N['weights'], Path>>,
    checkpoint: async () =>
      memoryCheckpoint(await machine.read(paths.filter((path) => !trainingOnly.includes(path))), recipe.model),
    save: async () => {
      if (saveable === null) throw new StateError('a run can be saved after a checkpoint event or its end, not between')
      return await savedOf(training, start, saveable)
    },
    dispose: () => machine.dispose(),
  }
}
