/** The state of a training run and its transitions; `loop.ts` has their order. */
import type { Recipe } from '../plan/recipe.ts'
import type { RouteRecord } from '../runtime/routing/record.ts'
import { elementCount } from '../runtime/tensors.ts'
import { createBiasUpdate, type BiasUpdate } from './bias-update.ts'
import { shuffledBatches } from './data/batches.ts'
import type { Data } from './data/data.ts'
import { fingerprint } from './data/fingerprint.ts'
import { fit, type Examples } from './data/fit.ts'
import { FitError } from './errors.ts'
import type { DataFacts, ProbeEvent, StartEvent, StartLayer, StepEvent, ValidationEvent } from './events.ts'
import { evaluationInputs } from './step-inputs.ts'
import { initialState, type GivenWeights } from './initialise.ts'
import { evaluateBatches, type Evaluation } from './evaluation.ts'
import type { Machine } from './machine.ts'
import { createThroughputMeter } from './throughput.ts'
import { initialProgress, type Progress } from './progress.ts'
import { stream } from './random.ts'
import { describeProbe } from './routing.ts'
import { competingLayers, drawSchedule, type CompetitionSchedule } from './schedule/competition.ts'
import { trainStep } from './step.ts'
import { checkTeacher, inputsOfData, withTeacher, type Teacher } from './teacher.ts'

export interface Training {
  readonly recipe: Recipe
  readonly machine: Machine
  /** The training set. */
  readonly training: Data
  readonly validation?: Data | null
  /** Steps between evaluations; the last step is always evaluated. Null for no evaluation. */
  readonly validateEvery?: number | null
  /** The maximum number of validation batches. */
  readonly validateBatches?: number
  /** Steps between checkpoints. There is always one at the end and when the run is stopped. */
  readonly saveEvery?: number | null
  /** The progress of a run to resume, whose state the machine has. If absent, the weights are initialised. */
  readonly from?: Progress
  /** Initial weights that replace those of the initialisers. */
  readonly weights?: GivenWeights
  /** Feeds the input `teacher`; where it is absent, the data does. */
  readonly teacher?: Teacher
  /** The number of steps before the run was extended. */
  readonly extendedFrom?: number
  /** Seconds that the run took until `from`. */
  readonly spent?: number
  /** The steps in which each competition runs; by default drawn from the seed. */
  readonly competitions?: CompetitionSchedule
  /** Stops the run after the current step. */
  readonly signal?: AbortSignal
  /** A clock in ms. */
  readonly now?: () => number
}

export interface Run {
  readonly start: StartEvent
  readonly progress: () => Progress
  /** Seconds of computation since the run began, including those before it was resumed. */
  readonly seconds: () => number
  /** Writes the initial weights, unless the run is resumed. */
  readonly begin: () => Promise<void>
  readonly step: () => Promise<StepEvent>
  /** The evaluation and the probe batch, if they are due and were not run yet. */
  readonly evaluate: () => Promise<readonly (ValidationEvent | ProbeEvent)[]>
}

interface Prepared {
  readonly training: Examples
  readonly validation: Examples | null
  readonly competitions: CompetitionSchedule
}

function validationOf(inputs: Recipe['inputs'], data: Data): Examples {
  const examples = fit(data, inputs, null)
  if (examples.count >= examples.batch) return examples
  throw new FitError(
    null,
    `${examples.name}: ${examples.count} examples are too few for validation; a batch has ${examples.batch}`,
  )
}

/** Throws a FitError. */
function prepare({ recipe, training, validation, competitions, teacher }: Training): Prepared {
  checkTeacher(recipe, teacher)
  const inputs = inputsOfData(recipe.inputs, teacher)
  const offsets = stream(recipe.seed, 'shuffle', 'slide')
  return {
    training: fit(training, inputs, (epoch) => offsets.uniform(epoch)),
    validation: validation == null ? null : validationOf(inputs, validation),
    competitions: competitions ?? drawSchedule(recipe),
  }
}

const factsOf = (data: Data, { name, count }: Examples): DataFacts => ({ name, examples: count, fingerprint: fingerprint(data) })

const itemsOf = ({ accumulate }: Recipe, { batch, items }: Examples): number => accumulate * batch * items

const startLayer = ({ layer, experts, within, balancedBias }: Recipe['layers'][number]): StartLayer => ({
  layer,
  experts,
  ...(within === undefined ? {} : { within }),
  ...(balancedBias === null ? {} : { biasRate: balancedBias.rate }),
})

function startOf(
  { recipe, machine, training, validation, from, weights: given, teacher, extendedFrom }: Training,
  prepared: Prepared,
): StartEvent {
  const { model, seed, steps, layers, weights } = recipe
  return {
    kind: 'start',
    model,
    adapter: machine.adapter,
    seed,
    steps,
    done: from?.step ?? 0,
    parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    training: factsOf(training, prepared.training),
    validation: prepared.validation === null ? null : factsOf(validation!, prepared.validation),
    items: itemsOf(recipe, prepared.training),
    unit: prepared.training.unit,
    layers: layers.map(startLayer),
    competitions: prepared.competitions,
    ...(given === undefined
      ? {}
      : {
          weights: {
            name: given.name,
            initialised: weights.map(({ name }) => name).filter((name) => !Object.hasOwn(given.values, name)),
          },
        }),
    ...(teacher === undefined ? {} : { teacher: { name: teacher.name, fingerprint: teacher.fingerprint } }),
    ...(extendedFrom === undefined ? {} : { extendedFrom }),
  }
}

const isDue = (step: number, { validateEvery, recipe }: Training): boolean =>
  validateEvery != null && validateEvery > 0 && (step % validateEvery === 0 || step === recipe.steps)

const eventsOf = (
  { validation, routes }: Evaluation,
  before: RouteRecord | null,
  step: number,
  seconds: number,
): readonly (ValidationEvent | ProbeEvent)[] => [
  ...(validation === null ? [] : [{ kind: 'validation', step, ...validation, seconds } as const]),
  ...(routes === null || routes.layers.length === 0
    ? []
    : [{ kind: 'probe', step, layers: describeProbe(before, routes) } as const]),
]

/** Throws a FitError if data and model do not fit, before anything is computed. */
export function createRun(options: Training): Run {
  const { recipe, teacher, validateBatches = Infinity, signal, from, spent = 0, now = () => performance.now() } = options
  const prepared = prepare(options)
  const machine = teacher === undefined ? options.machine : withTeacher(options.machine, recipe, teacher)
  const { training, validation, competitions } = prepared
  const context = { recipe, machine, batch: shuffledBatches(training, recipe.seed), competing: competingLayers(competitions) }
  let progress = from ?? initialProgress(recipe)
  let updateBiases: BiasUpdate = async () => {}
  let measure = createThroughputMeter(0, now)
  let started = now()
  const seconds = (): number => spent + (now() - started) / 1000
  return {
    start: startOf(options, prepared),
    progress: () => progress,
    seconds,
    begin: async () => {
      if (from === undefined) await machine.write(initialState(recipe, options.weights))
      updateBiases = await createBiasUpdate(recipe, machine)
      started = now()
      measure = createThroughputMeter(itemsOf(recipe, training), now)
    },
    step: async () => {
      const began = now()
      const { position, lossScaling, ...result } = await trainStep(
        context,
        progress.step,
        progress.position,
        progress.lossScaling,
      )
      if (!result.skipped) await updateBiases(result.routing)
      progress = { ...progress, step: progress.step + 1, position, lossScaling }
      const { itemsPerSecond, secondsLeft } = measure(now() - began, recipe.steps - progress.step)
      return {
        kind: 'step',
        step: progress.step,
        epoch: position.epoch + position.offset / training.count,
        ...result,
        seconds: seconds(),
        throughput: itemsPerSecond,
        eta: secondsLeft,
      }
    },
    evaluate: async () => {
      const { step, validations, lastEvaluation, probe } = progress
      if (!isDue(step, options) || lastEvaluation === step) return []
      const settings = { training, validation, maxBatches: validateBatches, extraInputs: evaluationInputs(recipe, step) }
      const found = await evaluateBatches(machine, step, settings, step === recipe.steps ? undefined : signal)
      if (found === null) return []
      progress = {
        ...progress,
        lastEvaluation: step,
        probe: found.routes,
        validations: found.validation === null ? validations : [...validations, { step, loss: found.validation.loss }],
      }
      return eventsOf(found, probe, step, seconds())
    },
  }
}
