/** Policies and losses that change over a run: the same on every machine, whether the run was interrupted or not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReferenceMachine } from '../../cli/training/reference-machine.ts'
import { compileTraining, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import { progressAt } from '../../plan/formula.ts'
import type { Device } from '../../runtime/device.ts'
import type { Data } from '../../training/data/data.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import type { StepEvent, ValidationEvent } from '../../training/events.ts'
import { train } from '../../training/loop.ts'
import type { Machine, State } from '../../training/machine.ts'
import type { Progress } from '../../training/progress.ts'
import { framed } from '../support/check.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { uniform } from '../support/random.ts'
import { load } from '../support/sources.ts'

const STEPS = 8

const SPEC = `
import { swiglu } from "std/experts/swiglu"

policy annealed(k: int in 1..E = 2, jitter: real = 0.1) {
  param gate: f32[E, D]
  var t = 1.0
  var seen = x
  when training {
    t = 2.0 - progress
    seen = x * (1 + (uniform([T, D]) * 2 - 1) * (jitter * (1.0 - progress)))
  }
  let p = softmax(seen @ gate.T / t)
  when training at 0.5 * (1.0 - progress), all layers together {
    select top k by p + uniform([T, E]) * (1.0 - progress)
  } else {
    select top k by p
  }
  when training at 0.4 {
    loss spread = 0.1 * progress * sum(mean(p, axis = 0) * mean(p, axis = 0))
  }
  weigh pick(p, selected)
}

model tiny(V: int = 11, D: int = 8, F: int = 6, L: int = 2, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + dropout(moe(h) {
      experts E of swiglu(F = F)
      route annealed(k = 2)
    }, 0.1 * progress)
  }
  output logits: f32[B, S, V] = h @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    loss small = (1.0 - progress) * 0.01 * mean(mean(mean(logits * logits)))
    metric told_progress = progress + 0.0
    metric told_step = step + 0.0
    metric drawn = mean(uniform([B]))
    optimiser adamw(rate = 3e-3)
    accumulate 2
    batch B = 2, S = 6
    steps ${STEPS}
    seed 3
  }
}
`

function graphsOf(): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining({ path: 'tiny.smoe', text: SPEC }, { load })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

function data(seed: number): Data {
  const random = uniform(seed)
  return {
    kind: 'stream',
    name: 'tokens',
    tokens: Int32Array.from({ length: 600 }, () => Math.floor(random() * 11)),
    vocabulary: null,
  }
}

interface Ran {
  readonly steps: readonly StepEvent[]
  readonly validations: readonly ValidationEvent[]
  readonly state: State
}

async function run(machine: Machine, { recipe }: TrainingGraphs): Promise<Ran> {
  const [steps, validations] = [[] as StepEvent[], [] as ValidationEvent[]]
  for await (const event of train({
    recipe,
    machine,
    training: data(7),
    validation: data(8),
    validateEvery: 4,
    validateBatches: 2,
  })) {
    if (event.kind === 'step') steps.push(event)
    if (event.kind === 'validation') validations.push(event)
  }
  return { steps, validations, state: await machine.read() }
}

/** Stops after three steps, and goes on in another machine. */
async function interrupted([before, behind]: readonly [Machine, Machine], { recipe }: TrainingGraphs): Promise<State> {
  const stop = new AbortController()
  let from: Progress | null = null
  for await (const event of train({ recipe, machine: before, training: data(7), signal: stop.signal })) {
    if (event.kind === 'step' && event.step === 3) stop.abort()
    if (event.kind === 'checkpoint') from = event.progress
  }
  await behind.write(await before.read())
  for await (const _ of train({ recipe, machine: behind, training: data(7), from: from! }));
  return behind.read()
}

const moments = (ran: readonly (StepEvent | ValidationEvent)[]): readonly (readonly number[])[] =>
  ran.map(({ metrics }) => [metrics['metric.told_step'], metrics['metric.told_progress']])
const at = (step: number): readonly number[] => [step, expect.closeTo(progressAt(step, STEPS).progress, 6) as number]

function expectMoments({ steps, validations }: Ran): void {
  expect(moments(steps)).toEqual(steps.map((_, step) => at(step)))
  // before step 0, before step 4, and after the last: as in the last
  expect(moments(validations)).toEqual([0, 4, STEPS - 1].map(at))
  for (const { metrics } of validations) expect(metrics['metric.drawn']).toBeGreaterThan(0)
}

it('the reference is told the moment of each step, and goes on to the same numbers', async () => {
  const graphs = graphsOf()
  const ran = await run(createReferenceMachine(graphs), graphs)
  expectMoments(ran)
  expect(ran.steps.some(({ competing: chosen }) => chosen.length > 0)).toBe(true)
  expect(await interrupted([createReferenceMachine(graphs), createReferenceMachine(graphs)], graphs)).toEqual(ran.state)
})

describe.each(await softwareDevices())('on %s', ON_DEVICES, (name) => {
  let device: Device
  beforeAll(async () => void (device = await open(name)))
  afterAll(() => device.dispose())

  it('follows the reference, and goes on to the same bytes', async () => {
    const graphs = graphsOf()
    const plans = trainingPlans(graphs, device.target)
    const machines = [1, 2, 3].map(() => createDeviceMachine(device, plans))
    const ran = await run(machines[0], graphs)
    const reference = await run(createReferenceMachine(graphs), graphs)
    expectMoments(ran)
    expect(ran.steps.map(({ competing: chosen }) => chosen)).toEqual(reference.steps.map(({ competing: chosen }) => chosen))
    for (const [step, { losses }] of ran.steps.entries()) {
      for (const [loss, value] of Object.entries(losses))
        expect(value, `${loss} in step ${step}`).toBeCloseTo(reference.steps[step].losses[loss], 3)
    }
    const resumed = await interrupted([machines[1], machines[2]], graphs)
    for (const [weight, { data: values }] of Object.entries(ran.state)) expect(resumed[weight].data, weight).toEqual(values)
    for (const machine of machines) machine.dispose()
  }, 600_000)
})
