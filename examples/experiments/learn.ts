/** One run: a spec, data and a seed in; what it learned and how it routed out. */
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { compileTraining, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Device } from '../../runtime/device.ts'
import type { Data } from '../../training/data/data.ts'
import { fit } from '../../training/data/fit.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import type { ProbeEvent, StepEvent, ValidationEvent } from '../../training/events.ts'
import { evaluationInputs } from '../../training/step-inputs.ts'
import { evaluateBatches } from '../../training/evaluation.ts'
import { train } from '../../training/loop.ts'
import type { State } from '../../training/machine.ts'

export interface Learned {
  readonly state: State
  readonly validations: readonly ValidationEvent[]
  /** Of the load of experts over the last quarter of the run, mean over layers. */
  readonly cv: number
  /** Tokens whose first expert changed from one look to the next, mean over looks and layers. */
  readonly change: number
  readonly competitionSteps: number
  /** Steps by the number of layers that competed in them. */
  readonly steps: readonly number[]
}

export interface Setting {
  readonly text: string
  readonly steps: number
  readonly seed: number
  readonly device: Device
  readonly training: Data
  readonly validation: Data
  readonly looks: number
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? NaN : values.reduce((a, b) => a + b, 0) / values.length
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

export function graphsOf(text: string, steps: number, seed: number): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining(
    { path: 'experiment.smoe', text },
    { load: createLoader(processTerminal()), recipe: { steps, seed } },
  )
  if (graphs === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return graphs
}

export async function learn({ text, steps, seed, device, training, validation, looks }: Setting): Promise<Learned> {
  const graphs = graphsOf(text, steps, seed)
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  const [done, validations, probes]: [StepEvent[], ValidationEvent[], ProbeEvent[]] = [[], [], []]
  for await (const event of train({
    recipe: graphs.recipe,
    machine,
    training,
    validation,
    validateEvery: Math.ceil(steps / looks),
    validateBatches: 24,
  })) {
    if (event.kind === 'step') done.push(event)
    else if (event.kind === 'validation') validations.push(event)
    else if (event.kind === 'probe') probes.push(event)
  }
  const state = await machine.read()
  machine.dispose()
  const tail = done.slice(-Math.ceil(steps / 4))
  return {
    state,
    validations,
    cv: mean(tail.flatMap(({ routing }) => routing.map(({ cv }) => cv ?? 0))),
    change: mean(probes.flatMap(({ layers }) => layers.flatMap(({ changeTop1 }) => (changeTop1 === null ? [] : [changeTop1])))),
    competitionSteps: done.reduce((sum, { competing: chosen }) => sum + chosen.length, 0),
    steps: Array.from(
      { length: graphs.recipe.layers.length + 1 },
      (_, many) => done.filter(({ competing: chosen }) => chosen.length === many).length,
    ),
  }
}

/** Steps of each kind that are timed, after two that are not. */
const TIMED = 15

/**
 * Milliseconds of a step in which none, one, two ... layers compete, for each spec: medians of steps that are taken in turns, so
 * that what else the machine does meets all alike.
 */
export async function stepTimes(
  texts: readonly string[],
  device: Device,
  training: Data,
): Promise<readonly (readonly number[])[]> {
  const runs = texts.map((text) => {
    const graphs = graphsOf(text, 1, 1)
    const competing = graphs.recipe.layers.filter(({ competition }) => competition !== null)
    const kinds = competing.length + 1
    const steps = kinds * (TIMED + 2)
    // the steps of a kind follow each other
    const schedule = Object.fromEntries(
      competing.map(({ layer }, at) => [
        layer,
        Array.from({ length: steps }, (_, step) => step).filter((step) => Math.floor(step / (TIMED + 2)) > at),
      ]),
    )
    const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
    return {
      machine,
      kinds,
      events: train({ recipe: { ...graphs.recipe, steps }, machine, training, competitions: schedule }),
      times: [] as number[],
    }
  })
  for (let isOver = false; !isOver;) {
    isOver = true
    for (const { events, times } of runs) {
      const start = performance.now()
      const { value } = await events.next()
      if (value?.kind === 'step') times.push(performance.now() - start)
      isOver &&= value === undefined
    }
  }
  runs.forEach(({ machine }) => machine.dispose())
  return runs.map(({ kinds, times }) =>
    Array.from({ length: kinds }, (_, kind) => median(times.slice(kind * (TIMED + 2) + 2, (kind + 1) * (TIMED + 2)))),
  )
}

/** Mean milliseconds of the steps of a run, by those of each kind. */
export const stepMs = ({ steps }: Learned, times: readonly number[]): number =>
  steps.reduce((sum, count, kind) => sum + count * (times[kind] ?? 0), 0) / steps.reduce((sum, count) => sum + count, 0)

export interface Seen {
  /** Without what policies add. */
  readonly loss: number
  readonly accuracy: number
}

/** What a trained state does on examples it did not learn from; the spec may route otherwise than the one it was trained with. */
export async function seen(
  text: string,
  device: Device,
  state: State,
  tests: readonly Data[],
  batches = Infinity,
): Promise<readonly Seen[]> {
  const graphs = graphsOf(text, 1, 0)
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  const names = new Set(graphs.recipe.weights.map(({ name }) => name))
  await machine.write(Object.fromEntries(Object.entries(state).filter(([name]) => names.has(name))))
  const all: Seen[] = []
  for (const test of tests) {
    const examples = fit(test, graphs.recipe.inputs, null)
    const { validation } = (await evaluateBatches(machine, 0, {
      training: examples,
      validation: examples,
      maxBatches: batches,
      extraInputs: evaluationInputs(graphs.recipe, 0),
    }))!
    all.push({ loss: validation!.losses['loss.cross_entropy'], accuracy: validation!.metrics['metric.accuracy'] })
  }
  machine.dispose()
  return all
}

/** `0.912 ± 0.004`: mean and half the range over seeds. */
export function spread(values: readonly number[], digits = 3): string {
  const half = (Math.max(...values) - Math.min(...values)) / 2
  return `${mean(values).toFixed(digits)} ± ${half.toFixed(digits)}`
}

export { mean }
