/** Where a language model takes tokens, and where its logits are: by shapes, never by names. */
import { constantValue, dim } from './dim.ts'
import type { InputPort, OutputPort, Plan } from './plan.ts'
import { NEW_TOKENS, PAST_TOKENS } from './state-inputs.ts'

export interface TokenPort {
  /** Token ids, i32 [S] or [B, S]. */
  readonly tokens: InputPort
  /** V: tokens are from 0 up to this, itself excluded. */
  readonly vocabulary: number
}

export interface TextPorts extends TokenPort {
  readonly logits: OutputPort
}

/** What was looked for, or why it is not there. */
export type Found<T> =
  { readonly kind: 'found'; readonly ports: T } | { readonly kind: 'refused'; readonly why: string; readonly help: string }

/** The rows of which logits are computed: those of each token, or that of the last one alone. */
export type LogitRows = 'all' | 'last'

/** Inputs that tell a run what it continues. */
const isOfState = (name: string): boolean => name === PAST_TOKENS || name === NEW_TOKENS

/** The input of token ids, and how many tokens there are. */
export function tokenPort({ model, inputs }: Pick<Plan, 'model' | 'inputs'>): Found<TokenPort> {
  const own = inputs.filter(({ name }) => !isOfState(name))
  const [port] = own
  const refuse = (why: string): Found<TokenPort> => ({
    kind: 'refused',
    why: `${model} does not take text: ${why}`,
    help: 'it needs one input of token ids, i32[S] or i32[B, S]',
  })
  if (own.length === 0) return refuse('it has no input')
  if (own.length > 1) return refuse(`it has ${own.length} inputs: ${own.map(({ name }) => name).join(', ')}`)
  const below = port.below === undefined ? undefined : constantValue(dim(port.below))
  const isTokens = port.dtype === 'i32' && (port.shape.length === 1 || port.shape.length === 2)
  if (!isTokens || below === undefined)
    return refuse(`its input ${port.name}: ${port.dtype}[${port.shape.join(', ')}] is not of token ids`)
  const batch = port.shape.length === 1 ? 1 : constantValue(dim(port.shape[0]))
  if (batch !== undefined && batch !== 1) return refuse(`its input ${port.name} takes ${batch} sequences at a time`)
  return { kind: 'found', ports: { tokens: port, vocabulary: below } }
}

/** The ports of a model that predicts the next token. */
export function textPorts(plan: Pick<Plan, 'model' | 'inputs' | 'outputs'>, rows: LogitRows = 'all'): Found<TextPorts> {
  const found = tokenPort(plan)
  if (found.kind === 'refused') return found
  const { tokens, vocabulary } = found.ports
  const leading = rows === 'all' ? tokens.shape : [...tokens.shape.slice(0, -1), '1']
  const isLogits = ({ role, dtype, shape }: OutputPort): boolean =>
    role === undefined &&
    dtype === 'f32' &&
    shape.length === tokens.shape.length + 1 &&
    shape.slice(0, -1).join() === leading.join() &&
    constantValue(dim(shape.at(-1)!)) === vocabulary
  const logits = plan.outputs.filter(isLogits)
  if (logits.length === 1) return { kind: 'found', ports: { tokens, logits: logits[0], vocabulary } }
  const wanted = `f32[${[...leading, vocabulary].join(', ')}]`
  return {
    kind: 'refused',
    why: `${plan.model} is not a language model: ${logits.length === 0 ? 'no' : 'more than one'} output is ${wanted}`,
    help: `its outputs are ${plan.outputs.map(({ name, shape }) => `${name}[${shape.join(', ')}]`).join(', ') || 'none'}`,
  }
}

/** The ports of a plan that continues one text: with a state its runs give the logits of the last token alone. */
export const continuedPorts = (plan: Pick<Plan, 'model' | 'inputs' | 'outputs' | 'state'>): Found<TextPorts> =>
  textPorts(plan, plan.state === undefined ? 'all' : 'last')

/** The shape of one sequence of so many tokens. */
export const sequenceShape = ({ tokens }: Pick<TokenPort, 'tokens'>, length: number): readonly number[] =>
  tokens.shape.length === 1 ? [length] : [1, length]
