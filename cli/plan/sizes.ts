/** The dims of a run of so many tokens in sequences of one length. */
import { dim, symbolsOf, type DimValues } from '../../plan/dim.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { EXIT, Failure } from '../exit.ts'

export interface RunSizes {
  readonly tokens: number
  readonly context: number
  /** The last open dim of the inputs is the length, the first the batch, any other 1. */
  readonly sizesFor: (context: number) => DimValues
}

const TOKENS = 512

/** Throws a Failure for tokens that are no whole number of sequences. */
export function runSizes(
  { inputs }: Pick<Graph, 'inputs'>,
  given: { readonly tokens?: number; readonly context?: number },
): RunSizes {
  const names = [...new Set(inputs.flatMap(({ shape }) => shape.flatMap((size) => symbolsOf(dim(size.key)))))]
  const tokens = given.tokens ?? given.context ?? TOKENS
  const context = given.context ?? tokens
  const batch = tokens / context
  if (!Number.isInteger(batch))
    throw new Failure(
      EXIT.usage,
      `${tokens} tokens are no whole number of sequences of ${context}`,
      '--tokens is a multiple of --context',
    )
  if (batch > 1 && names.length < 2)
    throw new Failure(EXIT.usage, 'the model takes one sequence at a time', '--context alone says how long it is')
  const sizesFor = (length: number): DimValues =>
    Object.fromEntries(names.map((name, at) => [name, at === names.length - 1 ? length : at === 0 ? batch : 1]))
  return { tokens, context, sizesFor }
}
