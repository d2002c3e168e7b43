/** The dims of a run of so many tokens in sequences of one length. */
import { dim, symbolsOf, type DimValues } from '../../plan/dim.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { EXIT, Failure } from '../exit.ts'

export interface SizeOptions {
  readonly tokens?: number
  readonly context?: number
  readonly sequences?: number
}

export interface RunSizes {
  /** Of a run. */
  readonly tokens: number
  readonly sequences: number
  /** Tokens of each sequence in a run. */
  readonly length: number
  /** The last open dim of the inputs is the length, the first the batch, any other 1. */
  readonly sizesFor: (length: number) => DimValues
}

const TOKENS = 512

/** A prompt is evaluated in runs of so many tokens. */
const CONTINUED_TOKENS = 256

/**
 * Throws a Failure for tokens that are no whole number of sequences, or more than are kept. `isContinued` where the runs continue
 * sequences, whose number is none of the open dims then.
 */
export function runSizes({ inputs }: Pick<Graph, 'inputs'>, given: SizeOptions, isContinued: boolean): RunSizes {
  const names = [...new Set(inputs.flatMap(({ shape }) => shape.flatMap((size) => symbolsOf(dim(size.key)))))]
  const { context, sequences = 1 } = given
  const usual = isContinued ? Math.min(CONTINUED_TOKENS, context!) : (context ?? TOKENS)
  const tokens = given.tokens ?? usual * sequences
  const length = tokens / sequences
  if (!Number.isInteger(length))
    throw new Failure(
      EXIT.usage,
      `${tokens} tokens are no whole number for each of ${sequences} sequences`,
      '--tokens is a multiple of --sequences',
    )
  if (context !== undefined && length > context)
    throw new Failure(EXIT.usage, `a run of ${length} tokens of a sequence is longer than its context of ${context}`)
  if (!isContinued && sequences > 1 && names.length < 2)
    throw new Failure(EXIT.usage, 'the model takes one sequence at a time', '--tokens alone says how long it is')
  const batch = isContinued ? 1 : sequences
  const sizesFor = (one: number): DimValues =>
    Object.fromEntries(names.map((name, at) => [name, at === names.length - 1 ? one : at === 0 ? batch : 1]))
  return { tokens, sequences, length, sizesFor }
}
