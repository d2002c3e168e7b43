/**
 * `npm run bench:step`: a training step of examples/11-train-a-small-model.smoe on devices of smoe and in PyTorch, in turns. The
 * losses and gradient norms of its first steps are compared before anything is timed. Without dropout, whose masks are each
 * library's own, and without competition steps.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { withDevices, type NamedDevice } from '../../cli/bench/devices.ts'
import { loadNow, reportStep, stepTitle } from '../../cli/bench/report.ts'
import { createSteps, measureSteps, randomBatch, TIMED_RATE, type NamedStep } from '../../cli/bench/step-bench.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { trainingSpec } from '../../cli/training/spec.ts'
import { trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { initialState } from '../../training/initialise.ts'
import { stepInputs } from '../../training/step-inputs.ts'
import type { Device } from '../../runtime/device.ts'
import type { Candidate } from './candidates.ts'
import { startRunner, type RunnerProcess } from './runner-process.ts'

const SPEC = 'examples/11-train-a-small-model.smoe'
const TORCH: Candidate = { kind: 'python', name: 'torch', label: 'torch', program: 'bench/peers/runners/torch-step.py' }
const CHECKED_STEPS = 3
/** Of the value: sums of f32 in another order, through some steps of AdamW. */
const TOLERANCE = 1e-3

interface CheckedStep {
  readonly loss: number
  readonly norm: number
}

/** What the model of the example is, beyond its recipe. */
const MODEL = { heads: 4, k: 2, layers: 2 }

function writeProblem(folder: string, recipe: Recipe): void {
  const batch = randomBatch(recipe)
  for (const [name, { data }] of Object.entries(batch)) writeFileSync(join(folder, `${name}.i32`), Int32Array.from(data))
  for (const [name, { data }] of Object.entries(initialState(recipe)))
    writeFileSync(join(folder, `${name}.f32`), Float32Array.from(data as ArrayLike<number>))
  const problem = { recipe, batch: batch.tokens.shape, ...MODEL, checkedSteps: CHECKED_STEPS, timedRate: TIMED_RATE }
  writeFileSync(join(folder, 'problem.json'), JSON.stringify(problem))
}

/** The first steps on a device, at the optimiser's own rate. */
async function ownSteps(device: Device, graphs: TrainingGraphs): Promise<readonly CheckedStep[]> {
  const { recipe } = graphs
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  try {
    await machine.write(initialState(recipe))
    const steps: CheckedStep[] = []
    for (let step = 0; step < CHECKED_STEPS; step++) {
      const { losses } = await machine.step([], { ...randomBatch(recipe), ...stepInputs(recipe, step, 0) })
      const { norm } = await machine.update({ learningRate: recipe.optimiser.rate, update: step + 1, lossScale: 1 })
      steps.push({ loss: Object.values(losses).reduce((sum, loss) => sum + loss, 0), norm })
    }
    return steps
  } finally {
    machine.dispose()
  }
}

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= TOLERANCE * Math.abs(b)

/** The runner of PyTorch whose first steps are those of the device; null, with the reason on stderr, where there is none. */
async function checkedTorch(
  torch: RunnerProcess,
  folder: string,
  ownFirst: () => Promise<readonly CheckedStep[]>,
): Promise<NamedStep | null> {
  const { opened } = torch
  if (opened.kind !== 'ready') {
    process.stderr.write(`torch is not timed: ${'reason' in opened ? opened.reason : opened.kind}\n`)
    return null
  }
  const reply = await torch.ask({ kind: 'check', tokens: 0 })
  if (reply.kind !== 'checked') throw new Error(`torch: ${'reason' in reply ? reply.reason : reply.kind}`)
  const own = await ownFirst()
  const steps = JSON.parse(readFileSync(join(folder, 'steps.json'), 'utf8')) as readonly CheckedStep[]
  const wrong = steps.findIndex(({ loss, norm }, at) => !isNear(loss, own[at].loss) || !isNear(norm, own[at].norm))
  if (wrong >= 0)
    throw new Error(
      `torch: step ${wrong + 1} is ${JSON.stringify(steps[wrong])}, on the first device ${JSON.stringify(own[wrong])}`,
    )
  const run = async (): Promise<void> => {
    const ran = await torch.ask({ kind: 'run', tokens: 0, runs: 1 })
    if (ran.kind !== 'ran') throw new Error(`torch: ${'reason' in ran ? ran.reason : ran.kind}`)
  }
  return { name: 'torch', detail: opened.detail, run }
}

async function measureBeside(
  devices: readonly NamedDevice[],
  graphs: TrainingGraphs,
  folder: string,
  { python, seconds }: { readonly python: string; readonly seconds: number },
): Promise<void> {
  const before = loadNow()
  const terminal = processTerminal()
  writeProblem(folder, graphs.recipe)
  const torch = await startRunner(TORCH, { folder, python })
  const steps = await createSteps(devices, graphs, terminal)
  try {
    const beside = await checkedTorch(torch, folder, () => ownSteps(devices[0].device, graphs))
    const all = beside === null ? steps.all : [...steps.all, beside]
    const measured = await measureSteps(all, seconds, terminal)
    const { model, accumulate, batch } = graphs.recipe
    reportStep(`${stepTitle(model, accumulate, batch)}; left_out=0`, all, { before, after: loadNow() }, measured, terminal)
  } finally {
    steps.dispose()
    await torch.end()
  }
}

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    device: { type: 'string', default: 'cpu,lavapipe' },
    seconds: { type: 'string', default: '5' },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'smoe-step-'))
try {
  const terminal = processTerminal()
  const { graphs } = trainingSpec(SPEC, { set: ['left_out=0'], precision: 'f32' }, terminal)
  await withDevices({ device: values.device }, terminal, (devices) =>
    measureBeside(devices, graphs, folder, { python: values.python, seconds: Number(values.seconds) }),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
