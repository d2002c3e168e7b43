/**
 * Work on any device, as data, and the bytes that it leaves: for tests that platforms leave the same. It runs in Node, in other
 * versions of it, and in browsers.
 */
import type { UpdatedTensor } from '../../../plan/update.ts'
import type { Plan } from '../../../plan/plan.ts'
import type { Recipe } from '../../../plan/recipe.ts'
import { createSession, memoryCheckpoint, type Device, type HostData } from '../../../runtime/index.ts'
import { createDeviceMachine } from '../../../training/device-machine.ts'
import type { UpdateScalars } from '../../../training/machine.ts'

/** A tensor as JSON carries it: numbers that f32 and i32 hold. */
export interface Tensor {
  readonly dtype: 'f32' | 'i32'
  readonly shape: readonly number[]
  readonly values: readonly number[]
}
export type Tensors = Readonly<Record<string, Tensor>>

/** A forward pass of a plan, with its load-time constants. */
export interface Run {
  readonly kind: 'run'
  readonly plan: Plan
  readonly checkpoint: Tensors
  readonly inputs: readonly Tensors[]
}

/** Training steps; all plans are there, since compilers of other platforms are not what is tested. */
export interface Train {
  readonly kind: 'train'
  readonly recipe: Recipe
  readonly step: Plan
  readonly update: Plan
  readonly competing: readonly string[]
  readonly state: Tensors
  readonly steps: readonly { readonly inputs: Tensors; readonly scalars: UpdateScalars }[]
}

export type Work = Run | Train

/** The bytes of each result, in hexadecimal, by its name. */
export type Bytes = Readonly<Record<string, string>>

const hostOf = ({ dtype, shape, values }: Tensor): HostData => ({
  shape,
  data: dtype === 'f32' ? Float32Array.from(values) : Int32Array.from(values),
})
const hostAll = (tensors: Tensors): Readonly<Record<string, HostData>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, hostOf(tensor)]))

const hex = ({ data }: Pick<HostData, 'data'>): string =>
  Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), (byte) => byte.toString(16).padStart(2, '0')).join('')
const bytesOf = (prefix: string, tensors: Readonly<Record<string, HostData>>): Bytes =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}${name}`, hex(tensor)]))

async function run(device: Device, { plan, checkpoint, inputs }: Run): Promise<Bytes> {
  const session = await createSession(device, plan)
  await session.loadWeights(memoryCheckpoint(hostAll(checkpoint)))
  const all: Bytes[] = [bytesOf('held ', session.held())]
  for (const [at, given] of inputs.entries()) all.push(bytesOf(`run ${at} `, await session.run(hostAll(given))))
  session.dispose()
  return Object.assign({}, ...all) as Bytes
}

const noPlan = (): never => {
  throw new Error('there is no such plan')
}

async function train(device: Device, { recipe, step, update, competing, state, steps }: Train): Promise<Bytes> {
  const machine = createDeviceMachine(device, {
    recipe,
    f16Weights: new Set(),
    step: () => step,
    update: (_?: readonly UpdatedTensor[]) => update,
    f16Copies: noPlan,
    evaluation: noPlan,
  })
  await machine.write(hostAll(state))
  const numbers: number[] = []
  for (const { inputs, scalars } of steps) {
    const { losses } = await machine.step(competing, hostAll(inputs))
    const { norm } = await machine.update(scalars)
    numbers.push(...Object.values(losses), norm)
  }
  const after = await machine.read()
  machine.dispose()
  return { ...bytesOf('state ', after), 'losses and norms': hex({ data: Float32Array.from(numbers) }) }
}

/** Every result of all work, by its name. */
export async function perform(device: Device, work: Readonly<Record<string, Work>>): Promise<Bytes> {
  const all: Bytes[] = []
  for (const [name, one] of Object.entries(work)) {
    const bytes = one.kind === 'run' ? await run(device, one) : await train(device, one)
    all.push(Object.fromEntries(Object.entries(bytes).map(([key, value]) => [`${name}: ${key}`, value])))
  }
  return Object.assign({}, ...all) as Bytes
}
