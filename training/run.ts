/** A run and all that changes in it; `loop.ts` says in what order. */
import type { Recipe } from '../plan/recipe.ts'
import { elementCount } from '../runtime/tensors.ts'
import { createBalance, type Balance } from './balance.ts'
import { shuffledBatches } from './data/batches.ts'
import type { Data } from './data/data.ts'
import { fingerprint } from './data/fingerprint.ts'
import { fit, type Examples } from './data/fit.ts'
import { FitError } from './errors.ts'
import type { DataFacts, ProbeEvent, StartEvent, StartLayer, StepEvent, ValidationEvent } from './events.ts'
import { givenAfter } from './given.ts'
import { firstState, type GivenWeights } from './initialise.ts'
import { look } from './look.ts'
import type { Machine } from './machine.ts'
import { createPace } from './pace.ts'
import { beginningOf, type Progress } from './progress.ts'
import { stream } from './random.ts'
import { describeProbe } from './routing.ts'
import { chosenLayers, drawSchedule, type ContestSchedule } from './schedule/contest.ts'
import { takeStep } from './step.ts'

export interface Training {
  readonly recipe: Recipe
  readonly machine: Machine
  readonly training: Data
  readonly validation?: Data | null
  /** Steps from one validation, or probe, to the next, and one at the end; null for none. */
  readonly validateEvery?: number | null
  /** Batches of a validation at the most. */
  readonly validateBatches?: number
  /** Steps from one checkpoint to the next; there is one at the end and at a stop in any case. */
  readonly saveEvery?: number | null
  /** Where to go on; the machine holds the state that was saved with it. Without, the weights are initialised. */
  readonly from?: Progress
  /** Initial weights that replace those of the initialisers. */
  readonly weights?: GivenWeights
  /** The number of steps before the run was extended. */
  readonly lengthened?: number
  /** Seconds that it took to come there. */
  readonly spent?: number
  /** Drawn from the recipe where it is not given. */
  readonly schedule?: ContestSchedule
  /** Stops the run after the step that it is in. */
  readonly signal?: AbortSignal
  /** A clock in ms. */
  readonly now?: () => number
}

export interface Run {
  readonly start: StartEvent
  readonly progress: () => Progress
  /** Since its beginning, those of the runs before it included. */
  readonly seconds: () => number
  /** Brings the machine to where the run begins. */
  readonly begin: () => Promise<void>
  readonly step: () => Promise<StepEvent>
  /** Validation and probe, where they are due and were not yet. */
  readonly look: () => Promise<readonly (ValidationEvent | ProbeEvent)[]>
}

interface Prepared {
  readonly examples: Examples
  readonly aside: Examples | null
  readonly schedule: ContestSchedule
}

function validationOf(recipe: Recipe, data: Data): Examples {
  const examples = fit(data, recipe.inputs, null)
  if (examples.count >= examples.batch) return examples
  throw new FitError(
    null,
    `${examples.name}: ${examples.count} examples are too few to validate with; a batch takes ${examples.batch}`,
  )
}

/** Throws a FitError. */
function prepare({ recipe, training, validation, schedule }: Training): Prepared {
  const slides = stream(recipe.seed, 'shuffle', 'slide')
  return {
    examples: fit(training, recipe.inputs, (epoch) => slides.uniform(epoch)),
    aside: validation == null ? null : validationOf(recipe, validation),
    schedule: schedule ?? drawSchedule(recipe),
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
  { recipe, machine, training, validation, from, weights: given, lengthened }: Training,
  { examples, aside, schedule }: Prepared,
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
    training: factsOf(training, examples),
    validation: aside === null ? null : factsOf(validation!, aside),
    items: itemsOf(recipe, examples),
    unit: examples.unit,
    layers: layers.map(startLayer),
    schedule,
    ...(given === undefined
      ? {}
      : {
          weights: {
            name: given.name,
            initialised: weights.map(({ name }) => name).filter((name) => !Object.hasOwn(given.values, name)),
          },
        }),
    ...(lengthened === undefined ? {} : { lengthened }),
  }
}

const isDue = (step: number, { validateEvery, recipe }: Training): boolean =>
  validateEvery != null && validateEvery > 0 && (step % validateEvery === 0 || step === recipe.steps)

/** Throws a FitError where data and model do not fit, before anything is computed. */
export function createRun(options: Training): Run {
  const { recipe, machine, validateBatches = Infinity, signal, from, spent = 0, now = () => performance.now() } = options
  const prepared = prepare(options)
  const { examples, aside, schedule } = prepared
  const stepper = { recipe, machine, batch: shuffledBatches(examples, recipe.seed), chosen: chosenLayers(schedule) }
  let progress = from ?? beginningOf(recipe)
  let balance: Balance = async () => {}
  let pace = createPace(0, now)
  let started = now()
  const seconds = (): number => spent + (now() - started) / 1000
  return {
    start: startOf(options, prepared),
    progress: () => progress,
    seconds,
    begin: async () => {
      if (from === undefined) await machine.write(firstState(recipe, options.weights))
      balance = await createBalance(recipe, machine)
      started = now()
      pace = createPace(itemsOf(recipe, examples), now)
    },
    step: async () => {
      const began = now()
      const { position, scaling, ...told } = await takeStep(stepper, progress.step, progress.position, progress.scaling)
      if (!told.skipped) await balance(told.routing)
      progress = { ...progress, step: progress.step + 1, position, scaling }
      const { rate, left } = pace(now() - began, recipe.steps - progress.step)
      return {
        kind: 'step',
        step: progress.step,
        epoch: position.epoch + position.offset / examples.count,
        ...told,
        seconds: seconds(),
        pace: rate,
        left,
      }
    },
    look: async () => {
      const { step, validations, looked, probe } = progress
      if (!isDue(step, options) || looked === step) return []
      const seen = { training: examples, validation: aside, most: validateBatches, given: givenAfter(recipe, step) }
      const found = await look(machine, step, seen, step === recipe.steps ? undefined : signal)
      if (found === null) return []
      const { validation, routes } = found
      progress = {
        ...progress,
        looked: step,
        probe: routes,
        validations: validation === null ? validations : [...validations, { step, loss: validation.loss }],
      }
      return [
        ...(validation === null ? [] : [{ kind: 'validation', step, ...validation, seconds: seconds() } as const]),
        ...(routes === null || routes.layers.length === 0
          ? []
          : [{ kind: 'probe', step, layers: describeProbe(probe, routes) } as const]),
      ]
    },
  }
}
