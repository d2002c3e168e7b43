import { build } from 'esbuild'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainingPlans } from '../../compiler/train.ts'
import type { Source } from '../../grammar/source.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import { weightsByPath } from '../../runtime/index.ts'
import type { HostData } from '../../runtime/tensors.ts'
import {
  createDeviceMachine,
  train,
  type Data,
  type MachinePlans,
  type Saved,
  type StepEvent,
  type TrainingEvent,
  type TypedTraining,
  type TypedTrainingOptions,
} from '../../training/index.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { uniform } from '../support/random.ts'
import { bindingsOf, graphsOf, planOf, RENAMED, TINY } from './tiny.ts'

/** The classes as a test that knows them by no name sees them. */
interface Names {
  readonly loss: 'loss.next'
  readonly metric: 'metric.accuracy'
  readonly layer: string
  readonly weights: Readonly<Record<string, HostData>>
  readonly batch: Readonly<Record<string, HostData>>
}
interface Training extends Omit<TypedTraining<Names>, 'recipe' | 'machine'> {
  readonly run: TypedTraining<Names>
}
interface Bindings {
  readonly TinyTalk: {
    readonly load: (
      device: Device,
      plan: Plan,
      checkpoint: Checkpoint,
    ) => Promise<{
      readonly run: (inputs: Readonly<Record<string, HostData>>) => Promise<Readonly<Record<string, HostData>>>
      readonly dispose: () => void
    }>
  }
  readonly TinyTalkTraining: {
    readonly start: (device: Device, plans: MachinePlans, data: Data, options?: TypedTrainingOptions) => Promise<Training>
  }
}

const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The bindings of a spec in a folder of their own, bundled as an application would. */
async function bundled(name: string, source: Source): Promise<Bindings> {
  const [written, out] = [join(folder, `${name}.ts`), join(folder, `${name}.mjs`)]
  writeFileSync(written, bindingsOf(source))
  const alias = {
    'smoe/runtime': resolve('runtime/index.ts'),
    'smoe/generation': resolve('generation/index.ts'),
    'smoe/training': resolve('training/index.ts'),
  }
  await build({
    entryPoints: [written],
    outfile: out,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    alias,
    logLevel: 'silent',
  })
  return (await import(/* @vite-ignore */ pathToFileURL(out).href)) as Bindings
}

/** A walk among eleven tokens that favours some ways. */
function walk(seed: number, length: number): Data {
  const random = uniform(seed)
  const tokens = new Int32Array(length)
  for (let at = 1; at < tokens.length; at++)
    tokens[at] = (tokens[at - 1] * 3 + 1 + (random() < 0.2 ? Math.floor(random() * 11) : 0)) % 11
  return { kind: 'stream', name: 'a walk', tokens, vocabulary: null }
}

const [data, validation] = [walk(7, 600), walk(8, 100)]
const batchAt = (from: number): Names['batch'] => {
  const tokens = (data as Extract<Data, { kind: 'stream' }>).tokens
  return {
    tokens: { shape: [2, 12], data: tokens.slice(from, from + 24) },
    targets: { shape: [2, 12], data: tokens.slice(from + 1, from + 25) },
  }
}

/** Without what a clock has measured. */
const facts = (event: TrainingEvent): unknown => ({ ...event, seconds: 0, throughput: 0, eta: 0 })

async function all(events: AsyncIterable<unknown>): Promise<readonly TrainingEvent[]> {
  const told: TrainingEvent[] = []
  for await (const event of events) told.push(event as TrainingEvent)
  return told
}

/** Mean cross-entropy of the logits for the tokens that follow. */
function crossEntropy({ shape: [, , width], data: logits }: HostData, { data: targets }: HostData): number {
  let sum = 0
  for (const [row, target] of targets.entries()) {
    const scores = Array.from(logits.subarray(row * width, (row + 1) * width))
    const most = Math.max(...scores)
    sum += Math.log(scores.reduce((total, score) => total + Math.exp(score - most), 0)) + most - scores[target]
  }
  return sum / targets.length
}

describe.each(await softwareDevices())('bindings that train, on %s', ON_DEVICES, (name) => {
  let device: Device
  let plans: MachinePlans
  let bindings: Bindings
  beforeAll(async () => {
    device = await open(name)
    plans = trainingPlans(graphsOf(TINY), device.target)
    bindings = await bundled('tiny_talk', TINY)
  })
  afterAll(() => device.dispose())

  it('tell the run that train tells, and their weights run', async () => {
    const { recipe } = plans
    const machine = createDeviceMachine(device, plans)
    const byHand = await all(train({ recipe, machine, training: data, validation, validateEvery: 3 }))
    const state = await machine.read(recipe.weights.map((weight) => weight.name))
    machine.dispose()

    const training = await bindings.TinyTalkTraining.start(device, plans, data, { validation, validateEvery: 3 })
    const events = await all(training.events())
    expect(events.map(facts)).toEqual(byHand.map(facts))
    const steps = events.filter((event): event is StepEvent => event.kind === 'step')
    expect(steps).toHaveLength(recipe.steps)
    // what the types say is always told
    for (const { losses, metrics } of steps)
      expect([losses['loss.next'], metrics['metric.accuracy']].every(Number.isFinite)).toBe(true)
    expect(await training.read()).toEqual(state)
    expect(Object.keys(await training.read(['head', 'embed']))).toEqual(['head', 'embed'])

    const batch = batchAt(50)
    const { losses, metrics } = await training.evaluate(batch)
    expect(Object.keys({ ...losses, ...metrics })).toEqual(['loss.next', 'metric.accuracy'])
    const model = await bindings.TinyTalk.load(device, planOf(TINY, device.target), await training.checkpoint())
    training.dispose()
    const { logits } = await model.run({ tokens: batch.tokens })
    model.dispose()
    expect(crossEntropy(logits, batch.targets)).toBeCloseTo(losses['loss.next'], 4)
  }, 300_000)

  it('go on where they were left, also elsewhere from what was saved', async () => {
    const { TinyTalkTraining } = bindings
    const options = { saveEvery: 2 }
    const whole = await TinyTalkTraining.start(device, plans, data, options)
    const before = await whole.evaluate(batchAt(0))
    const first: TrainingEvent[] = []
    let saved: Saved | null = null
    for await (const event of whole.events()) {
      first.push(event as TrainingEvent)
      if (event.kind === 'checkpoint') saved = await whole.save()
      if (event.kind === 'step' && event.step === 3) break
    }
    await expect(whole.save()).rejects.toThrow('a run can be saved after a checkpoint event or its end')
    const rest = await all(whole.events())
    expect((await whole.save()).progress.step).toBe(plans.recipe.steps)
    expect([...first, ...rest].flatMap((event) => (event.kind === 'step' ? [event.step] : []))).toEqual([1, 2, 3, 4, 5, 6])
    expect(await all(whole.events())).toEqual([])
    const after = await whole.evaluate(batchAt(0))
    expect(after.losses['loss.next']).toBeLessThan(before.losses['loss.next'])

    const other = await TinyTalkTraining.start(device, plans, data, { ...options, saved: saved! })
    const resumed = await all(other.events())
    expect(resumed.filter(({ kind }) => kind === 'step').map(facts)).toEqual(
      [...first, ...rest].filter((event) => event.kind === 'step' && event.step > 2).map(facts),
    )
    expect(await other.read()).toEqual(await whole.read())
    for (const training of [whole, other]) training.dispose()
  }, 300_000)

  it('read weights by their paths where a checkpoint calls them otherwise', async () => {
    const renamed = await bundled('renamed', RENAMED)
    const training = await renamed.TinyTalkTraining.start(device, trainingPlans(graphsOf(RENAMED), device.target), data)
    const checkpoint = await training.checkpoint()
    const plan = planOf(RENAMED, device.target)
    await expect(renamed.TinyTalk.load(device, plan, checkpoint)).rejects.toThrow('which the file does not have')
    const model = await renamed.TinyTalk.load(device, weightsByPath(plan), checkpoint)
    const batch = batchAt(50)
    const { logits } = await model.run({ tokens: batch.tokens })
    expect(crossEntropy(logits, batch.targets)).toBeCloseTo((await training.evaluate(batch)).losses['loss.next'], 4)
    model.dispose()
    training.dispose()
  }, 300_000)

  it('refuse what is of another model, and what does not fit', async () => {
    const { TinyTalkTraining } = bindings
    const { recipe } = plans
    await expect(TinyTalkTraining.start(device, { ...plans, recipe: { ...recipe, model: 'other' } }, data)).rejects.toThrow(
      new TypeError('the plans belong to other, not to tiny_talk'),
    )
    await expect(TinyTalkTraining.start(device, { ...plans, recipe: { ...recipe, metrics: [] } }, data)).rejects.toThrow(
      /plans of tiny_talk do not report metric\.accuracy/,
    )
    await expect(TinyTalkTraining.start(device, plans, walk(1, 5))).rejects.toThrow(/too few/)
    const training = await TinyTalkTraining.start(device, plans, data)
    const { tokens } = batchAt(0)
    await expect(training.evaluate({ tokens, targets: { shape: [1, 12], data: new Int32Array(12) } })).rejects.toThrow(
      /targets: dimension 2 \(axis 0\) is 2 in the model, got 1/,
    )
    training.dispose()
    training.dispose()
  }, 300_000)
})
