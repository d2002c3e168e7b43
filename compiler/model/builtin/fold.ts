/** Constant folding: a builtin applied to numbers known at compile time is evaluated by the ops it expands to. */
import { dim } from '../../../plan/dim.ts'
import type { OpName, OpParams } from '../../graph/vocabulary.ts'
import type { OpRecord, Surroundings, TensorType } from '../../ops/record.ts'
import { recordOf } from '../../ops/records.ts'
import { hostTensor, type HostTensor } from '../../ops/tensor.ts'
import type { Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'
import { options } from './options.ts'

/** A single number with its type. */
interface Known extends TensorType {
  readonly tensor: HostTensor
}

const known = (tensor: HostTensor): Known => ({ shape: tensor.shape.map(dim), dtype: tensor.dtype, tensor })
const number = (value: number): Known => known(hostTensor([], 'f32', Float64Array.of(value)))

const absent = (): never => {
  throw new Error('only elementwise builtins are folded')
}
const NOWHERE: Surroundings = { dims: {}, input: absent, weight: absent }

const make = <N extends OpName>(op: N, inputs: readonly Known[], params: OpParams[N]): Known =>
  known(
    (recordOf(op) as OpRecord<N>).evaluate(
      inputs.map(({ tensor }) => tensor),
      params,
      NOWHERE,
    ),
  )

const emit: Emit<Known> = {
  make,
  constant: number,
  reshape: (x) => x,
  settle: (size) => size,
  topK: absent,
  random: absent,
  cached: absent,
  positions: absent,
  withPrevious: absent,
  size: absent,
  divide: absent,
  fail: absent,
}

/** Whether a builtin of numbers alone is a number: it is elementwise, takes nothing but numbers, and draws none at random. */
export const isFoldable = ({ elementwise, random, parameters }: Builtin): boolean =>
  elementwise && random === undefined && parameters.every(({ kind }) => kind === 'tensor')

/** The value of a foldable builtin of these numbers, in f64. */
export const foldNumbers = (builtin: Builtin, values: readonly number[]): number =>
  builtin.expand(emit, values.map(number), options({})).tensor.values[0]
