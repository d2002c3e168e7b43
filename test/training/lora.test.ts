/** Low-rank pairs in training on the cpu device: their start, what stays, what is saved, and what they are merged to. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FrozenFormats } from '../../compiler/frozen-formats.ts'
import { compileTraining, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { merged } from '../../training/checkpoint/merged.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { initialState } from '../../training/initialise.ts'
import { train } from '../../training/loop.ts'
import type { Progress } from '../../training/progress.ts'
import type { State } from '../../training/machine.ts'
import { stepInputs } from '../../training/step-inputs.ts'
import { framed } from '../support/check.ts'
import { open } from '../support/devices.ts'
import { load } from '../support/sources.ts'
import { characterSpec } from '../support/trained-spec.ts'
import { chain } from './texts.ts'

const LORA = 'learns lora(rank = 2, scale = 2.0) on experts, router'

function graphsOf(learns: string, formats?: FrozenFormats): TrainingGraphs {
  const text = characterSpec({ steps: 6, optimiser: 'adamw(rate = 0.05)', settings: learns === '' ? [] : [learns] })
  const { graphs, diagnostics } = compileTraining({ path: 'tiny.smoe', text }, { load, formats })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

const [all, pairs, routers] = ['', LORA, 'learns router'].map((learns) => graphsOf(learns))
const isPair = (name: string): boolean => /\.lora_[ab]$/.test(name)
const BATCH = {
  tokens: { shape: [2, 5], data: Int32Array.from({ length: 10 }, (_, at) => (at * 5) % 12) },
  targets: { shape: [2, 5], data: Int32Array.from({ length: 10 }, (_, at) => (at * 7 + 1) % 12) },
}

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

const machineOf = (graphs: TrainingGraphs) => createDeviceMachine(device, trainingPlans(graphs, device.target))

/** The bytes of what a plan has beside the weights that another has. */
const weightBytes = ({ weights, buffers }: Plan, keep: (name: string) => boolean): number =>
  weights
    .filter(({ name }) => keep(name))
    .reduce((sum, { buffer }) => sum + 4 * Number(buffers.find(({ id }) => id === buffer)!.elements), 0)

test('the start is the original, to the bit', async () => {
  const [before, after] = [machineOf(all), machineOf(pairs)]
  await before.write(initialState(all.recipe))
  await after.write(initialState(pairs.recipe))
  for (const [machine, { recipe }] of [[before, all] as const, [after, pairs] as const])
    expect(initialState(recipe).embed.data, machine.adapter).toEqual(initialState(all.recipe).embed.data)
  const inputs = { ...BATCH, ...stepInputs(all.recipe, 0, 0) }
  expect(await after.evaluate(inputs)).toEqual(await before.evaluate(inputs))
  expect(await after.step([], inputs)).toEqual(await before.step([], inputs))
  before.dispose()
  after.dispose()
})

test.each([
  ['routers', routers, ['moe.router.gate']],
  ['pairs', pairs, pairs.recipe.weights.map(({ name }) => name).filter(isPair)],
])('%s alone have gradients and optimizer state: three times their bytes and no more', (_, graphs, learned) => {
  const plans = trainingPlans(graphs, device.target)
  const own = graphs.recipe.weights
    .filter(({ name }) => learned.includes(name))
    .reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0)
  const names = new Set(graphs.recipe.weights.map(({ name }) => name))
  const isState = (name: string): boolean => !names.has(name)
  expect(weightBytes(plans.update(), isState)).toBe(3 * own)
  expect(weightBytes(plans.update(), (name) => !isState(name))).toBe(own)
  expect(weightBytes(plans.step([], true), isState)).toBe(own)
})

/** Every event of a run with so many steps before it is interrupted, and its state. */
async function run(graphs: TrainingGraphs, stopAt: number | null): Promise<State> {
  const { recipe } = graphs
  const [machine, stop] = [machineOf(graphs), new AbortController()]
  let from: Progress | null = null
  for await (const event of train({ recipe, machine, training: chain(200), signal: stop.signal })) {
    if (event.kind === 'step' && event.step === stopAt) stop.abort()
    if (event.kind === 'checkpoint') from = event.progress
  }
  const state = await machine.read()
  machine.dispose()
  if (stopAt === null) return state
  const behind = machineOf(graphs)
  await behind.write(state)
  for await (const _ of train({ recipe, machine: behind, training: chain(200), from: from! }));
  const last = await behind.read()
  behind.dispose()
  return last
}

test('frozen weights keep their bytes; interrupted, a run ends in the same bytes', async () => {
  const whole = await run(pairs, null)
  const start = initialState(pairs.recipe)
  for (const { name } of pairs.recipe.weights) {
    if (isPair(name)) expect(whole[name].data, name).not.toEqual(start[name].data)
    else expect(whole[name].data, name).toEqual(start[name].data)
  }
  expect(await run(pairs, 3)).toEqual(whole)
})

test('merged, the model computes what it does with the pairs apart', async () => {
  const state = await run(pairs, null)
  const file = merged(memoryCheckpoint(state as Readonly<Record<string, HostData>>), pairs.recipe.adapters!)
  expect(pairs.recipe.weights.filter(({ name }) => file.tensors.has(name)).some(({ name }) => isPair(name))).toBe(false)
  const names = all.recipe.weights.map(({ name }) => name)
  const weights = Object.fromEntries(
    await Promise.all(names.map(async (name): Promise<[string, HostData]> => [name, (await readTensor(file, name)) as HostData])),
  )
  expect(weights['moe.experts.up'].data).not.toEqual(state['moe.experts.up'].data)
  const [apart, whole] = [machineOf(pairs), machineOf(all)]
  await apart.write(state)
  await whole.write(weights)
  const inputs = { ...BATCH, ...stepInputs(all.recipe, 0, 0) }
  const [own, other] = [await apart.evaluate(inputs), await whole.evaluate(inputs)]
  expect(Math.abs(own.losses['loss.next'] - other.losses['loss.next'])).toBeLessThan(1e-5)
  expect(own.losses['loss.next']).not.toBe((await evaluated(initialState(all.recipe), inputs)).losses['loss.next'])
  apart.dispose()
  whole.dispose()
})

async function evaluated(state: State, inputs: Readonly<Record<string, HostData>>) {
  const machine = machineOf(all)
  await machine.write(state)
  const found = await machine.evaluate(inputs)
  machine.dispose()
  return found
}

/** Numbers that bf16 holds: the lower half of an f32 is 0. */
const brain = (data: ArrayLike<number>): Float32Array => {
  const values = Float32Array.from(data)
  const words = new Uint32Array(values.buffer)
  for (let at = 0; at < words.length; at++) words[at] &= 0xffff0000
  return values
}

test('frozen weights stay as bf16 where a checkpoint has them so, in half the bytes and with the same results', async () => {
  const isFrozen = (name: string): boolean => pairs.recipe.weights.some((one) => one.name === name && one.rate === 0)
  const given = Object.fromEntries(
    Object.entries(initialState(pairs.recipe)).map(([name, { shape, data }]) => [
      name,
      { shape, data: isFrozen(name) ? brain(data as Float32Array) : data },
    ]),
  )
  const half = graphsOf(LORA, { kind: 'all', format: 'bf16' })
  expect(half.recipe.weights.filter(({ format }) => format === 'bf16').map(({ name }) => name)).toEqual(
    half.recipe.weights.filter(({ rate }) => rate === 0).map(({ name }) => name),
  )
  const plan = trainingPlans(half, device.target).step([], true)
  for (const { name, storage } of plan.weights) expect(storage?.format, name).toBe(isFrozen(name) ? 'bf16' : undefined)

  const states: State[] = []
  for (const graphs of [pairs, half]) {
    const machine = machineOf(graphs)
    const weights = { name: 'given', values: given }
    for await (const _ of train({ recipe: graphs.recipe, machine, training: chain(200), weights }));
    states.push(await machine.read())
    machine.dispose()
  }
  for (const [name, { data }] of Object.entries(given)) if (isFrozen(name)) expect(states[1][name].data, name).toEqual(data)
  expect(states[1]).toEqual(states[0])
})

test('without `learns`, and in formats that not every number comes back from, weights are f32', () => {
  const formats = { kind: 'all', format: 'bf16' } as const
  expect(graphsOf('', formats).recipe).toEqual(all.recipe)
  expect(graphsOf(LORA, { kind: 'all', format: 'q8_0' }).recipe).toEqual(pairs.recipe)
})
