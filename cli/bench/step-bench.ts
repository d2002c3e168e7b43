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

export interface StepMeasurement {
  readonly devices: readonly (Timing & { readonly device: string })[]
  /** How many times as fast the first device is as each other one. */
  readonly comparisons: readonly Comparison[]
}

const SEED = 1
/** A rate at which weights stay what they are, however many runs there are. */
const LEARNING_RATE = 1e-9

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
export function stepOf(machine: Machine, recipe: Recipe): Repeated {
  const batch = randomBatch(recipe)
  let step = 0
  return {
    run: async () => {
      for (let microBatch = 0; microBatch < recipe.accumulate; microBatch++)
        await machine.step([], { ...batch, ...stepInputs(recipe, step % recipe.steps, microBatch) })
      step++
      await machine.update({ learningRate: LEARNING_RATE, update: step, lossScale: 1 })
    },
  }
}

export async function measureStep(
  devices: readonly NamedDevice[],
  graphs: TrainingGraphs,
  seconds: number,
  terminal: Terminal,
): Promise<StepMeasurement> {
  const { recipe } = graphs
  const machines = devices.map(({ device }) =>
    createDeviceMachine(device, trainingPlans(graphs, device.target), { onCompile: compileProgress(terminal) }),
  )
  try {
    for (const machine of machines) await machine.write(initialState(recipe))
    const progress = createProgress(terminal, `a step of ${recipe.model}`, 1)
    try {
      const steps = machines.map((machine) => stepOf(machine, recipe))
      const rounds = await takeTurns(steps, seconds, (part) => progress.update(part))
      const named = devices.map(({ name }, at) => ({ name, rounds: rounds[at] }))
      return { devices: named.map((one) => ({ device: one.name, ...timingOf(one.rounds) })), comparisons: compare(named) }
    } finally {
      progress.end()
    }
  } finally {
    for (const machine of machines) machine.dispose()
  }
}
