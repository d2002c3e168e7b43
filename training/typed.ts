/** What the training class of generated bindings stands on: the loop, with the names of one recipe in its types. */
import type { Recipe } from '../plan/recipe.ts'
import type { Checkpoint } from '../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../runtime/checkpoint/memory.ts'
import type { Device } from '../runtime/device.ts'
import { StateError } from '../runtime/errors.ts'
import { checkInputs, type TypedPort } from '../runtime/typed.ts'
import { goOn, savedOf } from './checkpoint/of-run.ts'
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
import { givenAfter } from './given.ts'
import { firstState } from './initialise.ts'
import { train } from './loop.ts'
import type { Answers, BatchInputs } from './machine.ts'
import { beginningOf, type Progress } from './progress.ts'
import type { Training } from './run.ts'

/** The names of a recipe, as types. */
export interface TrainingNames {
  readonly loss: string
  readonly metric: string
  /** Routed layers by their instances. */
  readonly layer: string
  /** The contests, if a policy has several; else the layers. */
  readonly contest?: string
  /** Weights by their paths. */
  readonly weights: object
  /** What a micro-batch feeds, by the names of the inputs. */
  readonly batch: object
}

/** `loss.next` is of the model's own; `loss.layers.0.moe.router.balance` of a policy. */
type Own<Name extends string> = Name extends `${string}.${string}.${string}` ? never : Name

/**
 * Numbers by their names: the model's own are always told, those of a policy where it trains in the way that has them. A loss that stands in the
 * body of a model, outside of its `train` block, is told of steps alone.
 */
export type Told<Name extends string> = Readonly<Record<Own<Name>, number>> & {
  readonly [Policy in Exclude<Name, Own<Name>>]?: number
}

interface ToldOf<N extends TrainingNames> {
  readonly losses: Told<N['loss']>
  readonly metrics: Told<N['metric']>
}

type OfLayer<N extends TrainingNames, Facts> = Omit<Facts, 'layer'> & { readonly layer: N['layer'] }

export type TypedStart<N extends TrainingNames> = Omit<StartEvent, 'layers'> & {
  readonly layers: readonly OfLayer<N, StartEvent['layers'][number]>[]
}
export type TypedStep<N extends TrainingNames> = Omit<StepEvent, 'losses' | 'metrics' | 'chosen' | 'routing'> &
  ToldOf<N> & {
    readonly chosen: readonly (N extends { readonly contest: infer Contest } ? Contest : N['layer'])[]
    readonly routing: readonly OfLayer<N, LayerRouting>[]
  }
export type TypedValidation<N extends TrainingNames> = Omit<ValidationEvent, 'losses' | 'metrics'> & ToldOf<N>
export type TypedProbe<N extends TrainingNames> = Omit<ProbeEvent, 'layers'> & {
  readonly layers: readonly OfLayer<N, ProbedLayer>[]
}

/** `TrainingEvent` with the names of a recipe. */
export type TypedEvent<N extends TrainingNames> =
  TypedStart<N> | TypedStep<N> | TypedValidation<N> | TypedProbe<N> | CheckpointEvent | EndEvent

/** `Answers` with the names of a recipe. */
export type TypedAnswers<N extends TrainingNames> = Omit<Answers, 'losses' | 'metrics'> & ToldOf<N>

/** What the bindings were generated from. */
export interface TrainingFacts {
  readonly model: string
  /** Losses and metrics that each step and each evaluation has. */
  readonly told: readonly string[]
  /** Weights that training alone reads: a plan of inference has none of them. */
  readonly apart: readonly string[]
}

export type TypedTrainingOptions = Omit<Training, 'recipe' | 'machine' | 'training' | 'from' | 'lengthened'> & {
  /** A state to go on from, as `decodeSaved` gives it. */
  readonly saved?: Saved
}

export interface TypedTraining<N extends TrainingNames> {
  /** With the batch sizes, steps and rates that the plans were made for. */
  readonly recipe: Recipe
  /** What computes, for all that is not typed here. */
  readonly machine: DeviceMachine
  /** The run as `train` tells it. One that is left goes on with the next call, where it stood: a run is told once. */
  readonly events: () => AsyncGenerator<TypedEvent<N>, void>
  /** Between two events. Throws what `checkInputs` throws for a batch of other sizes. */
  readonly evaluate: (batch: N['batch']) => Promise<TypedAnswers<N>>
  /** Those named, or all. */
  readonly read: <Path extends keyof N['weights']>(names?: readonly Path[]) => Promise<Readonly<Pick<N['weights'], Path>>>
  /** The weights that inference reads, by their paths, as they are now. */
  readonly checkpoint: () => Promise<Checkpoint>
  /** All that the run goes on from, where it tells of a checkpoint or has ended. Throws a StateError elsewhere. */
  readonly save: () => Promise<Saved>
  /** Frees what it holds on the device, not the device; may be called again. */
  readonly dispose: () => void
}

function checkRecipe({ model, told }: TrainingFacts, recipe: Recipe): void {
  if (recipe.model !== model) throw new TypeError(`these are the plans of ${recipe.model}, not of ${model}`)
  const known = new Set([...recipe.losses, ...recipe.metrics])
  const missing = told.find((name) => !known.has(name))
  if (missing !== undefined)
    throw new TypeError(`the plans of ${model} tell no ${missing}: they are of another spec than the bindings`)
}

const portsOf = ({ inputs }: Recipe): readonly TypedPort[] =>
  inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape.map(String) }))

/**
 * A run on a device, its weights initialised or those of a saved state. Throws a TypeError for the plans of another model, a FitError where
 * data and model do not fit, a ResumeError for the state of another run, and what the device refuses.
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
    const fresh: Training = { ...options, recipe, machine, training: data, from: beginningOf(recipe) }
    const training = saved === undefined ? fresh : await goOn('the saved state', saved, fresh)
    const run = train(training)
    const { value: start } = (await run.next()) as IteratorYieldResult<StartEvent>
    // the loop leaves a machine as it is that is to go on, so that weights can be read and evaluated before the first step too
    if (saved === undefined) await machine.write(firstState(recipe, options.weights))
    return typedTraining(facts, training, machine, start, run)
  } catch (error) {
    machine.dispose()
    throw error
  }
}

function typedTraining<N extends TrainingNames>(
  { apart }: TrainingFacts,
  training: Training,
  machine: DeviceMachine,
  start: StartEvent,
  run: AsyncGenerator<TrainingEvent, void>,
): TypedTraining<N> {
  const { recipe } = training
  const ports = portsOf(recipe)
  const paths = recipe.weights.map(({ name }) => name)
  let waiting: TrainingEvent | null = start
  /** What the last checkpoint told, while the machine is as it was then. */
  let here: Progress | null = null
  let done = (start as StartEvent).done

  async function ask(): Promise<TrainingEvent | null> {
    const stood = here
    here = null
    const { value: event = null } = (await run.next()) as IteratorResult<TrainingEvent, undefined>
    if (event?.kind === 'step') done = event.step
    here = event === null || event.kind === 'end' ? stood : event.kind === 'checkpoint' ? event.progress : null
    return event
  }

  async function* events(): AsyncGenerator<TypedEvent<N>, void> {
    // asked by hand: `for await` would end the run where its listener leaves
    for (;;) {
      const event = waiting ?? (await ask())
      waiting = null
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
      return (await machine.evaluate({ ...inputs, ...givenAfter(recipe, done) })) as unknown as TypedAnswers<N>
    },
    read: async <Path extends keyof N['weights']>(names?: readonly Path[]) =>
      (await machine.read((names as readonly string[] | undefined) ?? paths)) as unknown as Readonly<Pick<N['weights'], Path>>,
    checkpoint: async () => memoryCheckpoint(await machine.read(paths.filter((path) => !apart.includes(path))), recipe.model),
    save: async () => {
      if (here === null) throw new StateError('a run is saved at its checkpoints, and this one stands at none')
      return await savedOf(training, start, here)
    },
    dispose: () => machine.dispose(),
  }
}
