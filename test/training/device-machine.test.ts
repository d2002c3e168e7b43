import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReferenceMachine } from '../../cli/training/reference-machine.ts'
import { compileTraining, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Device } from '../../runtime/device.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import type { StepEvent } from '../../training/events.ts'
import { train } from '../../training/loop.ts'
import type { Progress } from '../../training/progress.ts'
import type { Machine, State } from '../../training/machine.ts'
import type { Data } from '../../training/data/data.ts'
import { framed } from '../support/check.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { load } from '../support/sources.ts'
import { uniform } from '../support/random.ts'

/** Two routed layers that compete now and then, with dropout: every kind of step there is. */
const SPEC = `
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { competition } from "std/policies/competition"

model tiny(V: int = 11, D: int = 12, F: int = 8, L: int = 2, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + dropout(moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      route competition(k = 2, rate = 0.3, layers = 1)
      require dropless
    }, 0.05)
  }
  output logits: f32[B, S, V] = rms_norm(h) as final_norm @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 3e-3, decay = 0.1)
    schedule cosine(warmup = 5, final = 0.1)
    clip 1.0
    accumulate 2
    batch B = 2, S = 12
    steps 30
    seed 3
  }
}
`

function graphsOf(steps: number): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining({ path: 'tiny.smoe', text: SPEC }, { load, recipe: { steps } })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

/** A walk among eleven tokens that favours some ways. */
function data(): Data {
  const random = uniform(7)
  const tokens = new Int32Array(3000)
  for (let at = 1; at < tokens.length; at++)
    tokens[at] = (tokens[at - 1] * 3 + 1 + (random() < 0.2 ? Math.floor(random() * 11) : 0)) % 11
  return { kind: 'stream', name: 'a walk', tokens, vocabulary: null }
}

interface Ran {
  readonly steps: readonly StepEvent[]
  readonly state: State
}

async function run(machine: Machine, { recipe }: TrainingGraphs): Promise<Ran> {
  const steps: StepEvent[] = []
  for await (const event of train({ recipe, machine, training: data() })) if (event.kind === 'step') steps.push(event)
  return { steps, state: await machine.read() }
}

/** Stops after so many steps, and goes on in another machine with what was read of the first. */
async function interrupted(machines: readonly [Machine, Machine], { recipe }: TrainingGraphs, after: number): Promise<State> {
  const [stop, [before, behind]] = [new AbortController(), machines]
  let from: Progress | null = null
  for await (const event of train({ recipe, machine: before, training: data(), signal: stop.signal })) {
    if (event.kind === 'step' && event.step === after) stop.abort()
    if (event.kind === 'checkpoint') from = event.progress
  }
  await behind.write(await before.read())
  for await (const _ of train({ recipe, machine: behind, training: data(), from: from! }));
  return behind.read()
}

describe.each(await softwareDevices())('training on %s', ON_DEVICES, (name) => {
  let device: Device
  beforeAll(async () => void (device = await open(name)))
  afterAll(() => device.dispose())

  it('follows the reference, and is the same from run to run', async () => {
    const graphs = graphsOf(200)
    const plans = trainingPlans(graphs, device.target)
    const runs: Ran[] = []
    for (let turn = 0; turn < 2; turn++) {
      const machine = createDeviceMachine(device, plans)
      runs.push(await run(machine, graphs))
      machine.dispose()
    }
    const reference = await run(createReferenceMachine(graphs), graphs)
    const [first, second] = runs
    expect(first.steps.some(({ competing: chosen }) => chosen.length > 0)).toBe(true)
    for (const [at, step] of first.steps.entries())
      expect(Math.abs(step.loss - reference.steps[at].loss) / reference.steps[at].loss, `step ${at + 1}`).toBeLessThan(1e-3)
    expect(first.steps.at(-1)!.loss).toBeLessThan(first.steps[0].loss * 0.8)
    expect(second.steps.map(({ loss, gradientNorm: norm, losses }) => ({ loss, norm, losses }))).toEqual(
      first.steps.map(({ loss, gradientNorm: norm, losses }) => ({ loss, norm, losses })),
    )
    for (const [weight, { data: values }] of Object.entries(first.state))
      expect(second.state[weight].data, weight).toEqual(values)
    for (const [weight, { data: values }] of Object.entries(first.state)) {
      const expected = reference.state[weight].data
      const [off, size] = [Math.hypot(...values.map((value, at) => value - expected[at])), Math.hypot(...expected)]
      expect(off / size, weight).toBeLessThan(0.05)
    }
  }, 600_000)

  it('times a step and its update where it is asked to, and computes the same', async () => {
    const graphs = graphsOf(6)
    const plans = trainingPlans(graphs, device.target)
    const machine = createDeviceMachine(device, plans)
    const { state } = await run(machine, graphs)
    expect(machine.times()).toBeNull()
    machine.dispose()
    const timed = createDeviceMachine(device, plans)
    for await (const event of train({ recipe: graphs.recipe, machine: timed, training: data() }))
      if (event.kind === 'step' && event.step === 2) timed.timeNext()
    const dispatches = [plans.step([], true), plans.step([], false), plans.update()].reduce(
      (sum, plan) => sum + plan.programs[0].steps.length,
      0,
    )
    if (device.features.has('timestamp-query')) {
      expect(timed.times()!.length).toBeGreaterThan(dispatches / 2)
      expect(timed.times()!.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)).toBeGreaterThan(0)
    } else expect(timed.times()).toBeNull()
    const again = await timed.read()
    for (const [weight, { data: values }] of Object.entries(state)) expect(again[weight].data, weight).toEqual(values)
    timed.dispose()
  }, 600_000)

  it('ends in the same bytes when it goes on elsewhere from what was read', async () => {
    const graphs = graphsOf(12)
    const plans = trainingPlans(graphs, device.target)
    const machines = [1, 2, 3].map(() => createDeviceMachine(device, plans))
    const { state } = await run(machines[0], graphs)
    const resumed = await interrupted([machines[1], machines[2]], graphs, 5)
    for (const [weight, { data: values }] of Object.entries(state)) {
      expect(
        values.some((value) => value !== 0),
        weight,
      ).toBe(true)
      expect(resumed[weight].data, weight).toEqual(values)
    }
    machines.forEach((machine) => machine.dispose())
  }, 600_000)
})
