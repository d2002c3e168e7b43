/** Data as the model's inputs want it: names, types, sizes and values are checked once, before the first step. */
import type { RecipeInput } from '../../plan/recipe.ts'
import { elementCount, showShape, type HostArray } from '../../runtime/tensors.ts'
import { FitError, type FitNeed } from '../errors.ts'
import { showFields, type Data, type Field, type RowsData, type StreamData } from './data.ts'
import { rowPlace, tokenPlace } from './place.ts'
import { vocabularySize } from './vocabulary.ts'
import { windows } from './windows.ts'

/** Examples of one size each. */
export interface Examples {
  readonly name: string
  /** In an epoch. */
  readonly count: number
  /** The inputs that are fed. */
  readonly inputs: readonly RecipeInput[]
  /** Examples of a batch: the leading axis of every input. */
  readonly batch: number
  /** What `read` gives in one example, for the pace: tokens, or one. */
  readonly items: number
  readonly unit: 'token' | 'example'
  /** Copies example 0..count-1 of an epoch into row `row` of a batch. */
  readonly read: (example: number, epoch: number, into: Readonly<Record<string, HostArray>>, row: number) => void
}

/** The name of the input that the loop itself feeds. */
export const RANDOM = 'random'

function batchOf(inputs: readonly RecipeInput[]): number {
  const first = inputs[0]
  if (first === undefined) throw new FitError(null, 'the model takes no input to train with')
  for (const { name, shape } of inputs) {
    if (shape.length === 0)
      throw new FitError(name, `the input ${name} is a single number; its leading axis is that of the examples`)
    if (shape[0] !== first.shape[0])
      throw new FitError(
        name,
        `the input ${name} has ${shape[0]} rows and ${first.name} ${first.shape[0]}: examples are rows of every input`,
      )
  }
  return first.shape[0]
}

function checkFields(name: string, fields: readonly Field[], inputs: readonly RecipeInput[]): void {
  for (const { name: input, dtype, shape } of inputs) {
    const field = fields.find((known) => known.name === input)
    if (field === undefined) throw new FitError(input, `the model takes ${input}; ${name} has ${showFields(fields)}`)
    if (field.dtype !== dtype || field.shape.join() !== shape.slice(1).join()) {
      const need: FitNeed | null =
        field.dtype === dtype && field.shape.length === shape.length - 1
          ? { kind: 'shape', has: shape.slice(1), needs: field.shape }
          : null
      throw new FitError(
        input,
        `the model takes ${input} as ${dtype}${showShape(shape.slice(1))}, ${name} has ${showFields([field])}`,
        need,
      )
    }
  }
}

/** Finds a value that the input does not take; -1 where there is none. */
const strayAmong = (values: HostArray, below: number, ignored: number | undefined): number =>
  values.findIndex((value) => (value < 0 || value >= below) && value !== ignored)

/** `0 to 9, and -100`: the values that an input takes. */
const takenText = (below: number, ignored: number | undefined): string =>
  `0 to ${below - 1}${ignored === undefined ? '' : `, and ${ignored}`}`

/** What would take all values; nothing takes one below 0. */
function kindsNeed(values: HostArray, below: number, ignored: number | undefined): FitNeed | null {
  const isBelowZero = values.some((value) => value < 0 && value !== ignored)
  return isBelowZero ? null : { kind: 'kinds', has: below, needs: largest(values, ignored) + 1 }
}

const largest = (values: HostArray, ignored?: number): number => {
  let most = -1
  for (const value of values) if (value > most && value !== ignored) most = value
  return most
}

/** The largest value of an input in the data plus 1, the size that a model needs at least; 0 if there are no values. */
export const kindsIn = (data: Data, input: string, ignored?: number): number =>
  largest(data.kind === 'stream' ? data.tokens : (data.columns[input] ?? new Int32Array(0)), ignored) + 1

function checkBelow(data: RowsData, { name: input, below, ignored }: RecipeInput): void {
  if (below === null) return
  const field = data.fields.find((known) => known.name === input)!
  const [values, width] = [data.columns[input], elementCount(field.shape)]
  const stray = strayAmong(values, below, ignored)
  if (stray < 0) return
  const message = `${rowPlace(data, field, Math.floor(stray / width), stray % width)} has ${values[stray]}, the model takes ${takenText(below, ignored)}`
  throw new FitError(input, message, kindsNeed(values, below, ignored))
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
    ...paceOf(inputs),
    read: (example, _, into, row) => {
      for (const [name, width] of widths)
        into[name].set(data.columns[name].subarray(example * width, (example + 1) * width), row * width)
    },
  }
}

/** What an example is counted as: its tokens where it is a row of whole numbers. */
function paceOf(inputs: readonly RecipeInput[]): Pick<Examples, 'items' | 'unit'> {
  const sequence = inputs.find(({ dtype, shape }) => dtype === 'i32' && shape.length === 2)
  return sequence === undefined ? { items: 1, unit: 'example' } : { items: sequence.shape[1], unit: 'token' }
}

function checkTokens(data: StreamData, { name: input, below, ignored }: RecipeInput): void {
  if (below === null) return
  const { name, tokens, vocabulary } = data
  const size = vocabulary === null ? 0 : vocabularySize(vocabulary)
  if (size > below)
    throw new FitError(input, `${name} has ${size} ${vocabulary!.kind}, the model takes ${below} kinds of ${input}`, {
      kind: 'kinds',
      has: below,
      needs: size,
    })
  const stray = strayAmong(tokens, below, ignored)
  if (stray < 0) return
  const message = `${tokenPlace(data, stray)} is ${tokens[stray]}, the model takes ${takenText(below, ignored)} as ${input}`
  throw new FitError(input, message, kindsNeed(tokens, below, ignored))
}

function fitStream(data: StreamData, inputs: readonly RecipeInput[], slide: Slide): Examples {
  const sequence = inputs.find(({ name }) => name === 'tokens') ?? inputs[0]
  const length = sequence?.shape[1] ?? 0
  const fields: readonly Field[] = ['tokens', 'targets'].map((name) => ({ name, dtype: 'i32', shape: [length] }))
  checkFields(data.name, fields, inputs)
  for (const input of inputs) checkTokens(data, input)
  const { tokens } = data
  if (tokens.length < length + 1) {
    throw new FitError(
      null,
      `${data.name}: ${tokens.length} tokens are too few; an example takes ${length + 1}, ${length} and the one that follows the last`,
    )
  }
  const { count, start } = windows(tokens.length, length, slide)
  return {
    name: data.name,
    count,
    inputs,
    batch: batchOf(inputs),
    ...paceOf(inputs),
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

/** How far the windows of an epoch are moved: a number above 0 and below 1; null for windows that stay. */
export type Slide = ((epoch: number) => number) | null

/** Examples for the inputs that are fed with data. Throws a FitError naming the input, and the line or row of a value that does not fit. */
export function fit(data: Data, all: readonly RecipeInput[], slide: Slide): Examples {
  const inputs = all.filter(({ name }) => name !== RANDOM)
  batchOf(inputs)
  return data.kind === 'rows' ? fitRows(data, inputs) : fitStream(data, inputs, slide)
}
