/** Fits data to the inputs of a model: names, dtypes, shapes and values are checked once, before the first step. */
import type { RecipeInput } from '../../plan/recipe.ts'
import { elementCount, showShape, type HostArray } from '../../runtime/tensors.ts'
import { FitError, type FitNeed } from '../errors.ts'
import { showFields, type Data, type Field, type RowsData, type StreamData } from './data.ts'
import { rowPlace, tokenPlace } from './place.ts'
import { vocabularySize } from './vocabulary.ts'
import { windows } from './windows.ts'

/** Examples that fit the inputs of a model. */
export interface Examples {
  readonly name: string
  /** Examples in an epoch. */
  readonly count: number
  /** The inputs that examples feed. */
  readonly inputs: readonly RecipeInput[]
  /** Examples in a micro-batch: the leading axis of every input. */
  readonly batch: number
  /** What throughput counts in one example: its tokens, or 1. */
  readonly items: number
  readonly unit: 'token' | 'example'
  /** Copies example 0..count-1 of an epoch to row `row` of a batch. */
  readonly read: (example: number, epoch: number, into: Readonly<Record<string, HostArray>>, row: number) => void
}

/** The name of the input for the random seed, which the loop feeds. */
export const RANDOM = 'random'

function batchOf(inputs: readonly RecipeInput[]): number {
  const first = inputs[0]
  if (first === undefined) throw new FitError(null, 'the model has no inputs to train with')
  for (const { name, shape } of inputs) {
    if (shape.length === 0)
      throw new FitError(name, `the input ${name} is a scalar; its leading axis must be that of the examples`)
    if (shape[0] !== first.shape[0])
      throw new FitError(
        name,
        `the input ${name} has ${shape[0]} rows, ${first.name} has ${first.shape[0]}: every input must have a row for each example`,
      )
  }
  return first.shape[0]
}

function checkFields(name: string, fields: readonly Field[], inputs: readonly RecipeInput[]): void {
  for (const { name: input, dtype, shape } of inputs) {
    const field = fields.find((known) => known.name === input)
    if (field === undefined) throw new FitError(input, `the model expects ${input}; ${name} has ${showFields(fields)}`)
    if (field.dtype !== dtype || field.shape.join() !== shape.slice(1).join()) {
      const need: FitNeed | null =
        field.dtype === dtype && field.shape.length === shape.length - 1
          ? { kind: 'shape', has: shape.slice(1), needs: field.shape }
          : null
      throw new FitError(
        input,
        `the model expects ${input} as ${dtype}${showShape(shape.slice(1))}, ${name} has ${showFields([field])}`,
        need,
      )
    }
  }
}

/** The index of a value that is out of range for the input; -1 if there is none. */
const findOutOfRange = (values: HostArray, below: number, ignored: number | undefined): number =>
  values.findIndex((value) => (value < 0 || value >= below) && value !== ignored)

/** `0 to 9, and -100`: the values that an input accepts. */
const rangeText = (below: number, ignored: number | undefined): string =>
  `0 to ${below - 1}${ignored === undefined ? '' : `, and ${ignored}`}`

/** The change of the model that would accept all values; null for negative values. */
function neededCount(values: HostArray, below: number, ignored: number | undefined): FitNeed | null {
  const isBelowZero = values.some((value) => value < 0 && value !== ignored)
  return isBelowZero ? null : { kind: 'kinds', has: below, needs: largest(values, ignored) + 1 }
}

const largest = (values: HostArray, ignored?: number): number => {
  let max = -1
  for (const value of values) if (value > max && value !== ignored) max = value
  return max
}

/** The smallest number of classes or tokens that covers an input of the data: its largest value plus 1, or 0 without values. */
export const requiredCount = (data: Data, input: string, ignored?: number): number =>
  largest(data.kind === 'stream' ? data.tokens : (data.columns[input] ?? new Int32Array(0)), ignored) + 1

function checkBelow(data: RowsData, { name: input, below, ignored }: RecipeInput): void {
  if (below === null) return
  const field = data.fields.find((known) => known.name === input)!
  const [values, width] = [data.columns[input], elementCount(field.shape)]
  const invalid = findOutOfRange(values, below, ignored)
  if (invalid < 0) return
  const message = `${rowPlace(data, field, Math.floor(invalid / width), invalid % width)} has ${values[invalid]}, the model expects ${rangeText(below, ignored)}`
  throw new FitError(input, message, neededCount(values, below, ignored))
}

function fitRows(data: RowsData, inputs: readonly RecipeInput[]): Examples {
  checkFields(data.name, data.fields, inputs)
  for (const input of inputs) checkBelow(data, input)
  const widths = inputs.map(({ name, shape }) => [name, elementCount(shape.slice(1))] as const)
  return {
    name: data.name,
    count: data.count,
    inputs,
    batch: batchOf(inputs),
    ...itemsOf(inputs),
    read: (example, _, into, row) => {
      for (const [name, width] of widths)
        into[name].set(data.columns[name].subarray(example * width, (example + 1) * width), row * width)
    },
  }
}

/** What throughput counts: tokens if the input is a sequence of integers, else examples. */
function itemsOf(inputs: readonly RecipeInput[]): Pick<Examples, 'items' | 'unit'> {
  const sequence = inputs.find(({ dtype, shape }) => dtype === 'i32' && shape.length === 2)
  return sequence === undefined ? { items: 1, unit: 'example' } : { items: sequence.shape[1], unit: 'token' }
}

function checkTokens(data: StreamData, { name: input, below, ignored }: RecipeInput): void {
  if (below === null) return
  const { name, tokens, vocabulary } = data
  const size = vocabulary === null ? 0 : vocabularySize(vocabulary)
  if (size > below)
    throw new FitError(
      input,
      `${name} has a vocabulary of ${size} ${vocabulary!.kind}, the model expects ${input} below ${below}`,
      {
        kind: 'kinds',
        has: below,
        needs: size,
      },
    )
  const invalid = findOutOfRange(tokens, below, ignored)
  if (invalid < 0) return
  const message = `${tokenPlace(data, invalid)} is ${tokens[invalid]}, the model expects ${rangeText(below, ignored)} as ${input}`
  throw new FitError(input, message, neededCount(tokens, below, ignored))
}

/** The input of token ids. */
export const sequenceInput = (inputs: readonly RecipeInput[]): RecipeInput =>
  inputs.find(({ name }) => name === 'tokens') ?? inputs[0]

function fitStream(data: StreamData, inputs: readonly RecipeInput[], windowOffset: WindowOffset): Examples {
  const length = sequenceInput(inputs).shape[1] ?? 0
  const fields: readonly Field[] = ['tokens', 'targets'].map((name) => ({ name, dtype: 'i32', shape: [length] }))
  checkFields(data.name, fields, inputs)
  for (const input of inputs) checkTokens(data, input)
  const { tokens } = data
  if (tokens.length < length + 1) {
    throw new FitError(
      null,
      `${data.name}: ${tokens.length} tokens are too few; an example has ${length + 1}, ${length} and the next one`,
    )
  }
  const { count, start } = windows(tokens.length, length, windowOffset)
  return {
    name: data.name,
    count,
    inputs,
    batch: batchOf(inputs),
    ...itemsOf(inputs),
    read: (example, epoch, into, row) => {
      const from = start(example, epoch)
      for (const { name } of inputs)
        into[name].set(
          name === 'tokens' ? tokens.subarray(from, from + length) : tokens.subarray(from + 1, from + length + 1),
          row * length,
        )
    },
  }
}

/** The offset of the windows of an epoch, in (0, 1); null for windows without an offset. */
export type WindowOffset = ((epoch: number) => number) | null

/** The examples for the inputs of a model. Throws a FitError with the input, and the line or row of a value that does not fit. */
export function fit(data: Data, all: readonly RecipeInput[], windowOffset: WindowOffset): Examples {
  const inputs = all.filter(({ name }) => name !== RANDOM)
  batchOf(inputs)
  return data.kind === 'rows' ? fitRows(data, inputs) : fitStream(data, inputs, windowOffset)
}
