/** Training in mixed precision beside f32: the same curve, less memory, and steps that overflow change nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReferenceMachine } from '../../cli/training/reference-machine.ts'
import { compileTraining, trainingPlans, TrainingLimitError, type TrainingGraphs } from '../../compiler/train.ts'
import type { Precision } from '../../plan/recipe.ts'
import { PORTABLE } from '../../plan/target.ts'
import { bucketWeights, f16CopyName, SCALE_INPUT, updateInputs } from '../../plan/update.ts'
import type { Device } from '../../runtime/device.ts'
import { FeatureError } from '../../runtime/errors.ts'
import { estimate } from '../../runtime/memory.ts'
import { half } from '../../compiler/scalar/functions.ts'
import { createDeviceMachine, type DeviceMachine } from '../../training/device-machine.ts'
import { DivergedError } from '../../training/errors.ts'
import type { StepEvent } from '../../training/events.ts'
import { initialise } from '../../training/initialise.ts'
import { train } from '../../training/loop.ts'
import type { Data } from '../../training/data/data.ts'
import type { Machine, State, UpdateScalars } from '../../training/machine.ts'
import type { Progress } from '../../training/progress.ts'
import { INITIAL_LOSS_SCALING, GROWTH_INTERVAL, MIN_SCALE, MAX_SCALE, nextLossScaling } from '../../training/loss-scaling.ts'
import { framed } from '../support/check.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { uniform } from '../support/random.ts'
import { load } from '../support/sources.ts'
import { bigrams, fakeMachine } from './fake-machine.ts'
import { routed } from './recipes.ts'

/** Two routed layers, an odd number of tokens' kinds, and a table that is read by a product and by rows. */
const SPEC = `
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { softmax_of_top_k } from "std/policies/softmax_of_top_k"

model tiny(V: int = 11, D: int = 12, F: int = 8, L: int = 2, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      route softmax_of_top_k(k = 2) as gate
      require dropless
    }
  }
  output logits: f32[B, S, V] = rms_norm(h) as final_norm @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    optimiser adamw(rate = 3e-3, decay = 0.1)
    clip 1.0
    accumulate 2
    batch B = 2, S = 12
    steps 60
    seed 3
  }
}
`

function graphsOf(precision: Precision, steps = 60): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining({ path: 'tiny.smoe', text: SPEC }, { load, recipe: { steps, precision } })
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
  readonly progress: Progress
}

/** From where it is given, or from the beginning, and no further than a step. */
async function run(machine: Machine, { recipe }: TrainingGraphs, from?: Progress, until = Infinity): Promise<Ran> {
  const [steps, stop]: [StepEvent[], AbortController] = [[], new AbortController()]
  let progress: Progress | null = null
  for await (const event of train({
    recipe,
    machine,
    training: data(),
    signal: stop.signal,
    ...(from === undefined ? {} : { from }),
  })) {
    if (event.kind === 'step') steps.push(event)
    if (event.kind === 'step' && event.step >= until) stop.abort()
    if (event.kind === 'checkpoint') progress = event.progress
  }
  return { steps, state: await machine.read(), progress: progress! }
}

const told = ({ steps }: Ran) =>
  steps.map(({ loss, gradientNorm: norm, lossScale: scale, skipped }) => ({ loss, norm, scale, skipped }))

describe('the scale of the losses', () => {
  it('is doubled after many good updates, and castToF16 after one that moved nothing', () => {
    let scaling = INITIAL_LOSS_SCALING
    for (let at = 1; at < GROWTH_INTERVAL; at++) scaling = nextLossScaling(scaling, true)
    expect(scaling).toEqual({ scale: 2 ** 16, finiteUpdates: GROWTH_INTERVAL - 1, skipped: 0 })
    expect(nextLossScaling(scaling, true)).toEqual({ scale: 2 ** 17, finiteUpdates: 0, skipped: 0 })
    expect(nextLossScaling(scaling, false)).toEqual({ scale: 2 ** 15, finiteUpdates: 0, skipped: 1 })
  })

  it('stays between its limits', () => {
    const good = GROWTH_INTERVAL - 1
    expect(nextLossScaling({ scale: MAX_SCALE, finiteUpdates: good, skipped: 0 }, true).scale).toBe(MAX_SCALE)
    expect(nextLossScaling({ scale: MIN_SCALE, finiteUpdates: good, skipped: 0 }, false).scale).toBe(MIN_SCALE)
  })
})

describe('the loop', () => {
  /** Its norms are those given, one an update, and then 1. */
  const machineOf = (norms: readonly number[]) => {
    const recipe = bigrams({
      precision: 'mixed',
      steps: 20,
      accumulate: 1,
      layers: [routed('layers.0/moe', { balancedBias: { weight: 'bias', rate: 0.1 } })],
    })
    const machine = fakeMachine(recipe)
    const updates: UpdateScalars[] = []
    const scales: number[] = []
    const told: Machine = {
      ...machine,
      step: async (chosen, { [SCALE_INPUT]: scale, ...inputs }) => {
        scales.push(scale.data[0])
        return machine.step(chosen, inputs)
      },
      update: async (scalars) => {
        updates.push(scalars)
        return { norm: norms[updates.length - 1] ?? 1 }
      },
    }
    const tokens = Int32Array.from({ length: 200 }, (_, at) => (at * 5) % 12)
    const ran = async (): Promise<readonly StepEvent[]> => {
      const steps: StepEvent[] = []
      for await (const event of train({
        recipe,
        machine: told,
        training: { kind: 'stream', name: 'tokens', tokens, vocabulary: null },
      }))
        if (event.kind === 'step') steps.push(event)
      return steps
    }
    return { ran, updates, scales, calls: machine.calls }
  }

  it('counts updates that moved the weights, and balances nothing after others', async () => {
    const { ran, updates, scales, calls } = machineOf([1, Infinity, NaN, 1e31])
    const steps = (await ran()).slice(0, 5)
    expect(steps.map(({ skipped }) => skipped)).toEqual([false, true, true, true, false])
    expect(steps.map(({ lossScale: scale }) => scale)).toEqual([2 ** 16, 2 ** 16, 2 ** 15, 2 ** 14, 2 ** 13])
    expect(scales.slice(0, 5)).toEqual(steps.map(({ lossScale: scale }) => scale))
    expect(updates.slice(0, 5).map(({ update, lossScale: scale }) => [update, scale])).toEqual([
      [1, 2 ** 16],
      [2, 2 ** 16],
      [2, 2 ** 15],
      [2, 2 ** 14],
      [2, 2 ** 13],
    ])
    expect(calls.filter((call) => call === 'write bias')).toHaveLength(17)
  })

  it('ends where no smaller scale would help', async () => {
    const { ran, scales } = machineOf(Array.from({ length: 40 }, () => NaN))
    await expect(ran()).rejects.toThrow(DivergedError)
    expect(scales.at(-1)).toBe(MIN_SCALE)
  })
})

describe('the graphs', () => {
  const [plain, mixed] = [graphsOf('f32'), graphsOf('mixed')]

  it('keep f16 copies of the weights that matmuls read, and of no router', () => {
    expect([...plain.f16Weights]).toEqual([])
    expect([...mixed.f16Weights]).toEqual([
      'embed',
      ...[0, 1].flatMap((layer) => ['gate', 'up', 'down'].map((bank) => `layers.${layer}.moe.experts.${bank}`)),
    ])
    const { buffers } = trainingPlans(mixed, PORTABLE).step([], true)
    const typeOf = (name: string) => buffers.filter((buffer) => buffer.name === name).map(({ dtype }) => dtype)
    expect(
      [
        'embed',
        'f16.embed',
        'layers.0.moe.gate.gate',
        'layers.0/moe.weights',
        'gradient.embed',
        'gradient.layers.0.moe.experts.up',
      ].map((name) => [name, ...typeOf(name)]),
    ).toEqual([
      ['embed', 'f32'],
      ['f16.embed', 'f16'],
      ['layers.0.moe.gate.gate', 'f32'],
      ['layers.0/moe.weights', 'f32'],
      ['gradient.embed', 'f32'],
      ['gradient.layers.0.moe.experts.up', 'f32'],
    ])
  })

  it('leave a step less to hold', () => {
    const [before, after] = [plain, mixed].map((graphs) => estimate(trainingPlans(graphs, PORTABLE).step([], true), {}).scratch)
    expect(after).toBeLessThan(0.85 * before)
  })

  it('update weights and f16 copies in one dispatch a bucket where nine buffers are bound', () => {
    const { updated } = bucketWeights(mixed.recipe, 2 ** 20, mixed.f16Weights)
    const {
      buffers,
      programs: [{ steps }],
    } = trainingPlans(mixed, { ...PORTABLE, maxStorageBuffers: 9 }).update(updated)
    const names = new Map(buffers.map(({ id, name }) => [id, name]))
    const moves = steps
      .map(({ bindings }) => bindings.map(({ buffer }) => names.get(buffer)!))
      .filter((bound) => bound.includes(f16CopyName('bucket 0')))
    expect(moves).toHaveLength(1)
    expect(moves[0]).toEqual(expect.arrayContaining(['bucket 0', 'first.bucket 0', 'second.bucket 0']))
  })

  it('mean the same where no number is rounded away: the update undoes the scale', () => {
    expect(updateInputs(mixed.recipe, 0.5, 1, 1024).unscale).toBe(2 ** -10)
    expect(updateInputs(plain.recipe, 0.5, 1)).not.toHaveProperty('unscale')
  })
})

describe.each(await softwareDevices())('on %s', ON_DEVICES, (name) => {
  let device: Device
  let made: DeviceMachine[] = []
  beforeAll(async () => void (device = await open(name)))
  afterAll(() => device.dispose())
  const machineOf = (graphs: TrainingGraphs): DeviceMachine => {
    const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
    made.push(machine)
    return machine
  }
  const free = (): void => {
    made.forEach((machine) => machine.dispose())
    made = []
  }

  it('is refused without f16, and else follows f32, alike from run to run and across a stop', async () => {
    const graphs = graphsOf('mixed')
    if (!device.target.features.includes('shader-f16')) {
      // the compiler refuses for the cpu target, the device for a plan of WebGPU
      const refusal = device.target.runs === 'cpu' ? TrainingLimitError : FeatureError
      await expect((async () => run(machineOf(graphs), graphs))()).rejects.toThrow(refusal)
      return
    }
    const whole = await run(machineOf(graphs), graphs)
    const plain = await run(machineOf(graphsOf('f32')), graphsOf('f32'))
    for (const [at, { loss }] of plain.steps.entries())
      expect(Math.abs(whole.steps[at].loss - loss) / loss, `step ${at + 1}`).toBeLessThan(0.02)
    expect(whole.steps.at(-1)!.loss).toBeLessThan(0.9 * whole.steps[0].loss)
    expect(whole.steps.some(({ loss }, at) => loss !== plain.steps[at].loss)).toBe(true)
    expect(plain.steps[0]).toMatchObject({ lossScale: null, skipped: false })
    expect(whole.steps[0]).toMatchObject({ lossScale: 2 ** 16, skipped: false })

    const [before, behind] = [machineOf(graphs), machineOf(graphs)]
    const stopped = await run(before, graphs, undefined, 23)
    const { state, progress } = stopped
    expect(told(stopped)).toEqual(told(whole).slice(0, 23))
    expect(progress.lossScaling).toEqual({ scale: 2 ** 16, finiteUpdates: 23, skipped: 0 })
    expect(Object.keys(state).some((key) => key.startsWith('half.'))).toBe(false)
    await behind.write(state)
    const resumed = await run(behind, graphs, progress)
    expect(told(resumed)).toEqual(told(whole).slice(23))
    expect(resumed.state).toEqual(whole.state)
    free()
  }, 900_000)

  it('a step whose gradients exceed f16 changes no byte, and the next has half the scale', async () => {
    const graphs = graphsOf('mixed', 4)
    if (!device.target.features.includes('shader-f16')) return
    const machine = machineOf(graphs)
    const first = await run(machine, graphs, undefined, 2)
    const copies = () => machine.read([...graphs.f16Weights].map(f16CopyName))
    const held = await copies()
    for (const [weight, { data: values }] of Object.entries(first.state)) {
      if (graphs.f16Weights.has(weight)) expect([...held[f16CopyName(weight)].data], weight).toEqual([...values].map(half))
    }
    const huge = { ...first.progress, lossScaling: { scale: 2 ** 40, finiteUpdates: 7, skipped: 1 } }
    const skipped = await run(machine, graphs, huge, 3)
    expect(skipped.steps[0]).toMatchObject({ skipped: true, lossScale: 2 ** 40 })
    expect(skipped.progress).toMatchObject({ step: 3, lossScaling: { scale: 2 ** 39, finiteUpdates: 0, skipped: 2 } })
    expect(skipped.state).toEqual(first.state)
    expect(await copies()).toEqual(held)
    // and goes on as if it had not been
    const next = await run(
      machine,
      graphs,
      { ...skipped.progress, lossScaling: { scale: 2 ** 16, finiteUpdates: 0, skipped: 1 } },
      4,
    )
    expect(next.steps[0].skipped).toBe(false)
    expect(next.state).not.toEqual(first.state)
    free()
  }, 600_000)
})

it('the reference computes the same graphs, rounded where they round', async () => {
  const graphs = graphsOf('mixed', 3)
  const machine = createReferenceMachine(graphs)
  const { steps, state } = await run(machine, graphs)
  const plain = await run(createReferenceMachine(graphsOf('f32', 3)), graphsOf('f32', 3))
  for (const [at, { loss }] of plain.steps.entries()) {
    expect(steps[at].loss).not.toBe(loss)
    expect(Math.abs(steps[at].loss - loss) / loss).toBeLessThan(0.01)
  }
  const copies = await machine.read(['f16.embed'])
  expect([...copies['f16.embed'].data]).toEqual([...state.embed.data].map(half))
  expect(Object.keys(initialise(graphs.recipe)).some((key) => key.startsWith('half.'))).toBe(false)
}, 120_000)
