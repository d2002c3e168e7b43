/** Batches: shuffled for training, in file order for evaluation. */
import type { HostArray, HostData } from '../../runtime/tensors.ts'
import type { BatchInputs } from '../machine.ts'
import { permutation, stream } from '../random.ts'
import type { Examples } from './fit.ts'

/** The position of a run in its examples: those of `epoch` before `offset` are used. */
export interface Position {
  readonly epoch: number
  readonly offset: number
}

export const START: Position = { epoch: 0, offset: 0 }

export interface Batch {
  readonly inputs: BatchInputs
  readonly next: Position
}

type Order = (epoch: number) => Uint32Array

/** Each epoch has its own permutation; the current one is cached. */
function shuffled(count: number, seed: number): Order {
  let [current, order]: [number, Uint32Array] = [-1, new Uint32Array(0)]
  return (epoch) => {
    if (epoch !== current) [current, order] = [epoch, permutation(count, stream(seed, 'shuffle', `epoch ${epoch}`))]
    return order
  }
}

const empty = ({ inputs }: Examples): Readonly<Record<string, HostData>> =>
  Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const count = shape.reduce((all, size) => all * size, 1)
      return [name, { shape, data: dtype === 'f32' ? new Float32Array(count) : new Int32Array(count) }]
    }),
  )

const arraysOf = (inputs: BatchInputs): Readonly<Record<string, HostArray>> =>
  Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]))

/** (position) -> the batch that begins there. A batch continues into the next epoch, so that no example is left out. */
export function shuffledBatches(examples: Examples, seed: number): (position: Position) => Batch {
  const order = shuffled(examples.count, seed)
  return (position) => {
    const inputs = empty(examples)
    const into = arraysOf(inputs)
    let { epoch, offset } = position
    for (let row = 0; row < examples.batch; row++) {
      examples.read(order(epoch)[offset], epoch, into, row)
      if (++offset === examples.count) [epoch, offset] = [epoch + 1, 0]
    }
    return { inputs, next: { epoch, offset } }
  }
}

/** Full batches in file order, at most `maxBatches`; an incomplete last batch is left out. */
export function* orderedBatches(examples: Examples, maxBatches: number): Generator<BatchInputs> {
  const count = Math.min(maxBatches, Math.floor(examples.count / examples.batch))
  for (let at = 0; at < count; at++) {
    const inputs = empty(examples)
    for (let row = 0; row < examples.batch; row++) examples.read(at * examples.batch + row, 0, arraysOf(inputs), row)
    yield inputs
  }
}
