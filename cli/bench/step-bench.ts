/** The training step of a spec on several devices in turns: the micro-batches with their gradients, then the update. */
import { trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Recipe, RecipeInput } from '../../plan/recipe.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { initialState } from '../../training/initialise.ts'
import type { BatchInputs, Machine } from '../../training/machine.ts'
import { stepInputs } from '../../training/step-inputs.ts'
import { elementCount, type HostData } from '../../runtime/tensors.ts'
import { createProgress } from '../progress.ts'
import { createRandom, normal } from '../random.ts'
import { compileProgress } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { compare, type Comparison } from './comparison.ts'
import type { NamedDevice } from './devices.ts'
import { timingOf, type Timing } from './measure.ts'
import { takeTurns, type Repeated } from './turns.ts'

/** What runs a step, with the name of its device and what that is. */
export interface NamedStep extends Repeated {
  readonly name: string
  readonly detail: string
}

export interface StepMeasurement {
  readonly devices: readonly (Timing & { readonly device: string })[]
  /** How many times as fast the first device is as each other one. */
  readonly comparisons: readonly Comparison[]
}

const SEED = 1
/** The learning rate of steps that are timed: weights stay what they are, however many runs there are. */
export const TIMED_RATE = 1e-9

/** Values that the input takes: whole numbers below its bound, or normal ones. */
function randomInput({ shape, dtype, below }: RecipeInput, random: () => number): HostData {
  const count = elementCount(shape)
  if (dtype === 'f32') return { shape, data: Float32Array.from({ length: count }, () => normal(random, 1)) }
  const values = Array.from({ length: count }, () => Math.floor(random() * (below ?? 2)))
  return { shape, data: dtype === 'u32' ? Uint32Array.from(values) : Int32Array.from(values) }
}

/** A batch of random values from a seed, the same on every device. */
export function randomBatch({ inputs }: Recipe): BatchInputs {
  const random = createRandom(SEED)
  return Object.fromEntries(inputs.map((input) => [input.name, randomInput(input, random)]))
}

/** One step a run, without competitions, on the same batch. */
function stepOf(machine: Machine, recipe: Recipe): Repeated {
  const batch = randomBatch(recipe)
  let step = 0
  return {
    run: async () => {
      for (let microBatch = 0; microBatch < recipe.accumulate; microBatch++)
        await machine.step([], { ...batch, ...stepInputs(recipe, step % recipe.steps, microBatch) })
      step++
      await machine.update({ learningRate: TIMED_RATE, update: step, lossScale: 1 })
    },
  }
}

export interface Steps {
  readonly all: readonly NamedStep[]
  /** Frees what the steps have on their devices. */
  readonly dispose: () => void
}

/** The step on each device, its weights initialised. */
export async function createSteps(devices: readonly NamedDevice[], graphs: TrainingGraphs, terminal: Terminal): Promise<Steps> {
  const machines = devices.map(({ device }) =>
    createDeviceMachine(device, trainingPlans(graphs, device.target), { onCompile: compileProgress(terminal) }),
  )
  const dispose = (): void => machines.forEach((machine) => machine.dispose())
  try {
    for (const machine of machines) await machine.write(initialState(graphs.recipe))
  } catch (problem) {
    dispose()
    throw problem
  }
  const all = devices.map(({ name, detail }, at) => ({
    name,
    detail,
    ...stepOf(machines[at], graphs.recipe),
  }))
  return { all, dispose }
}

export async function measureSteps(all: readonly NamedStep[], seconds: number, terminal: Terminal): Promise<StepMeasurement> {
  const progress = createProgress(terminal, 'steps', 1)
  try {
    const rounds = await takeTurns(all, seconds, (part) => progress.update(part))
    const named = all.map(({ name }, at) => ({ name, rounds: rounds[at] }))
    return { devices: named.map((one) => ({ device: one.name, ...timingOf(one.rounds) })), comparisons: compare(named) }
  } finally {
    progress.end()
  }
}
