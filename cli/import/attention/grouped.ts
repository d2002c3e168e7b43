/** Self-attention with grouped queries, in the variants that its block has: biases, norms of queries and keys, clamp, window. */
import { chosen } from '../decoder/layers.ts'
import type { Fields } from '../fields.ts'
import type { Context, Make, Sublayer, Weights } from '../part.ts'
import { readRope, ropeArguments, ropeParameters } from '../rope.ts'
import { intParameter, realParameter, type ParameterText } from '../parameter.ts'
import { realText } from '../write.ts'
import { headParameters, readHeads, type HeadFields, type Heads } from './heads.ts'
import { refuseLayerTypes, type Window } from './window.ts'

/** Which projections have a bias. */
export interface Biases {
  readonly queries: boolean
  readonly output: boolean
}

export type QueryNorms = 'none' | 'row' | 'head'

export interface GroupedOptions {
  /** none where it is absent */
  readonly biases?: (fields: Fields) => Biases
  readonly norms?: QueryNorms
  /** Field of the clamp of queries, keys and values. */
  readonly clip?: string
  /** Field of the factor on the scores; 1 / sqrt(head) where it is absent. */
  readonly scale?: string
  readonly window?: Make<Window | null>
  readonly fields?: Partial<HeadFields>
  /** A law that these heads keep. */
  readonly law?: (fields: Fields, heads: Heads) => void
}

const PROJECTIONS = ['q', 'k', 'v', 'o'] as const

const noBiases: Biases = { queries: false, output: false }

/** Biases everywhere or nowhere, as a field says. */
export const biasesEverywhere =
  (field: string) =>
  (fields: Fields): Biases => {
    const has = fields.flag(field, 'biases of queries, keys, values and output')
    return { queries: has, output: has }
  }

/** Biases of queries, keys and values alone. */
export const queryBiases =
  (field: string) =>
  (fields: Fields): Biases => ({ queries: fields.flag(field, 'biases of queries, keys and values'), output: false })

function weightsOf(biases: Biases, norms: QueryNorms): Weights {
  const isBiased = (name: string): boolean => (name === 'o' ? biases.output : biases.queries)
  const entries = (suffix: string, tensor: string, names: readonly string[]): readonly (readonly [string, string])[] =>
    names.map((name) => [`attention.${name}${suffix}`, `self_attn.${name}${tensor}`])
  return Object.fromEntries([
    ...entries('', '_proj.weight', PROJECTIONS),
    ...entries('_bias', '_proj.bias', PROJECTIONS.filter(isBiased)),
    ...(norms === 'none' ? [] : entries('_norm.weight', '_norm.weight', ['q', 'k'])),
  ])
}

function windowText(window: Window | null): {
  readonly arguments: readonly string[]
  readonly parameters: readonly ParameterText[]
} {
  if (window === null) return { arguments: [], parameters: [] }
  const doc = 'A token sees itself and the W - 1 before it.'
  return {
    arguments: [`window = ${chosen(window.layers, 'W', '0')}`],
    parameters: [intParameter('W', window.size, doc, 'limit')],
  }
}

function readDirection(fields: Fields, window: Window | null): readonly string[] {
  const isCausal = fields.flag('is_causal', 'whether a position sees later ones', true)
  fields.demand(
    isCausal || window === null,
    [],
    "'is_causal' is false beside a 'sliding_window': a window that looks both ways is not supported",
  )
  return isCausal ? [] : ['bidirectional = true']
}

function readClip(fields: Fields, field: string | undefined): readonly ParameterText[] {
  const clip = field === undefined ? null : fields.optionalPositive(field, 'the parameter clip')
  return clip === null ? [] : [realParameter('clip', clip, 'Largest magnitude of a query, key or value.', 'limit')]
}

function readScale(fields: Fields, field: string | undefined): readonly string[] {
  return field === undefined ? [] : [`scale = ${realText(fields.positive(field, 'the factor on the scores'))}`]
}

export const groupedQueries =
  (options: GroupedOptions = {}): Make<Sublayer> =>
  (context: Context) => {
    const { fields } = context
    const heads = readHeads(fields, options.fields)
    options.law?.(fields, heads)
    fields.demand(
      heads.size % 2 !== 1,
      ['hidden_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim'],
      `a head of ${heads.size} numbers cannot be rotated in pairs: its size must be even`,
    )
    const rope = readRope(fields)
    const window = options.window?.(context) ?? null
    if (options.window === undefined) refuseLayerTypes(context)
    const biases = options.biases?.(fields) ?? noBiases
    const norms = options.norms ?? 'none'
    const clip = readClip(fields, options.clip)
    const windowed = windowText(window)
    const list = [
      'heads = H',
      'groups = G',
      ...(heads.isFree ? ['C = C'] : []),
      ...ropeArguments(rope),
      ...readDirection(fields, window),
      ...windowed.arguments,
      ...(biases.queries ? ['biases = true'] : []),
      ...(biases.output ? ['output_bias = true'] : []),
      ...(norms === 'none' ? [] : [`norms = "${norms}"`, 'eps = eps']),
      ...(clip.length > 0 ? ['clip = clip'] : []),
      ...readScale(fields, options.scale),
    ].join(', ')
    return {
      imports: { 'blocks/attention': ['attention'] },
      parameters: [...headParameters(heads), ...windowed.parameters, ...clip, ...ropeParameters(rope)],
      weights: weightsOf(biases, norms),
      label: 'attention',
      namesInput: true,
      isChoice: false,
      lines: (input) => [`attention(${input}, ${list})`],
    }
  }
