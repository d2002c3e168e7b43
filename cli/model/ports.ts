/** Where a language model takes tokens, and where its logits are. */
import { constantValue, dim } from '../../plan/dim.ts'
import { NEW_TOKENS, PAST_TOKENS } from '../../plan/state-inputs.ts'
import type { InputPort, OutputPort, Plan } from '../../plan/plan.ts'
import { EXIT, Failure } from '../exit.ts'

export interface TextPorts {
  readonly tokens: InputPort
  readonly logits: OutputPort
  /** V: tokens are from 0 up to this, itself excluded. */
  readonly vocabulary: number
}

/** Inputs that tell a run what it continues. */
const isOfState = (name: string): boolean => name === PAST_TOKENS || name === NEW_TOKENS

/** The input of token ids, and how many tokens there are. Throws a Failure for a model with another input. */
export function tokensOf({ model, inputs }: Plan): { readonly port: InputPort; readonly vocabulary: number } {
  const own = inputs.filter(({ name }) => !isOfState(name))
  const [port] = own
  const refuse = (why: string): never => {
    throw new Failure(EXIT.usage, `${model} does not take text: ${why}`, 'it needs one input of token ids, i32[S] or i32[B, S]')
  }
  if (own.length === 0) return refuse('it has no input')
  if (own.length > 1) return refuse(`it has ${own.length} inputs: ${own.map(({ name }) => name).join(', ')}`)
  const below = port.below === undefined ? undefined : constantValue(dim(port.below))
  const isTokens = port.dtype === 'i32' && (port.shape.length === 1 || port.shape.length === 2)
  if (!isTokens || below === undefined)
    return refuse(`its input ${port.name}: ${port.dtype}[${port.shape.join(', ')}] is not of token ids`)
  return { port, vocabulary: below }
}

/**
 * The output of logits, of which the row of each token is computed, or that of the last one alone. Throws a Failure for a model
 * that is not a language model.
 */
export function textPorts(plan: Plan, rows: 'all' | 'last' = 'all'): TextPorts {
  const { port: tokens, vocabulary } = tokensOf(plan)
  const leading = rows === 'all' ? tokens.shape : [...tokens.shape.slice(0, -1), '1']
  const isLogits = ({ role, dtype, shape }: OutputPort): boolean =>
    role === undefined &&
    dtype === 'f32' &&
    shape.length === tokens.shape.length + 1 &&
    shape.slice(0, -1).join() === leading.join() &&
    constantValue(dim(shape.at(-1)!)) === vocabulary
  const logits = plan.outputs.filter(isLogits)
  if (logits.length === 1) return { tokens, logits: logits[0], vocabulary }
  const wanted = `f32[${[...leading, vocabulary].join(', ')}]`
  throw new Failure(
    EXIT.usage,
    `${plan.model} is not a language model: ${logits.length === 0 ? 'no' : 'more than one'} output is ${wanted}`,
    `its outputs are ${plan.outputs.map(({ name, shape }) => `${name}[${shape.join(', ')}]`).join(', ') || 'none'}`,
  )
}

/** One sequence in the shape of the input. Throws a Failure where the batch is another number than 1. */
export function sequenceShape({ tokens }: Pick<TextPorts, 'tokens'>, length: number): readonly number[] {
  if (tokens.shape.length === 1) return [length]
  const batch = constantValue(dim(tokens.shape[0]))
  if (batch !== undefined && batch !== 1)
    throw new Failure(EXIT.usage, `the input ${tokens.name} takes ${batch} sequences at a time`)
  return [1, length]
}
