/**
 * Self-attention with grouped queries, in the variants that its block has: biases, norms of queries and keys, clamp, window,
 * sinks, heads that are rotated in part or not at all.
 */
import { chosen } from '../decoder/layers.ts'
import type { Fields } from '../fields.ts'
import { partsOf } from '../names/source.ts'
import { intParameter, realParameter, type ParameterText } from '../parameter.ts'
import { mergedImports, type Context, type Make, type Sublayer, type Weights } from '../part.ts'
import {
  demandPairs,
  plainRopeText,
  readRope,
  ropeParameters,
  ropeText,
  type Rope,
  type RopeOptions,
  type RopeText,
} from '../rope.ts'
import { realText } from '../write.ts'
import { headParameters, readHeads, type HeadFields, type Heads } from './heads.ts'
import { refuseLayerTypes, type Window } from './window.ts'

/** Which projections have a bias. */
export interface Biases {
  readonly queries: boolean
  readonly output: boolean
}

export type QueryNorms = 'none' | 'row' | 'head' | 'head_after'

/** Sources of the projections and the norms in a layer, in terms of `D`, `H`, `G` and `C`. */
export interface AttentionNames {
  readonly q: string
  readonly k: string
  readonly v: string
  readonly o: string
  readonly qNorm: string
  readonly kNorm: string
}

const NAMES: AttentionNames = {
  q: 'self_attn.q_proj.weight',
  k: 'self_attn.k_proj.weight',
  v: 'self_attn.v_proj.weight',
  o: 'self_attn.o_proj.weight',
  qNorm: 'self_attn.q_norm.weight',
  kNorm: 'self_attn.k_norm.weight',
}

export interface GroupedOptions {
  /** none where it is absent */
  readonly biases?: (fields: Fields) => Biases
  readonly norms?: QueryNorms | ((fields: Fields) => QueryNorms)
  /** The clamp of queries, keys and values; null for none. */
  readonly clip?: (fields: Fields) => number | null
  /** Field of the factor on the scores; 1 / sqrt(head) where it is absent. */
  readonly scale?: string
  readonly window?: Make<Window | null>
  /** Whether layers without a window have no rotary embedding, where others have one. */
  readonly rotatesInWindows?: boolean
  /** Whether neighbours are rotated as pairs, in the place of the two halves of a head. */
  readonly isInterleaved?: boolean
  /** Name in a layer of the learned logits beside the scores. */
  readonly sinks?: string
  readonly rope?: RopeOptions | ((fields: Fields, heads: Heads) => RopeOptions)
  readonly fields?: Partial<HeadFields>
  readonly names?: Partial<AttentionNames>
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

/** The clamp of a field. */
export const clipOf =
  (field: string) =>
  (fields: Fields): number | null =>
    fields.optionalPositive(field, 'the parameter clip')

function weightsOf(names: AttentionNames, biases: Biases, norms: QueryNorms, sinks: string | undefined): Weights {
  const isBiased = (name: string): boolean => (name === 'o' ? biases.output : biases.queries)
  const biasOf = (source: string): string => {
    const { tensor, slices } = partsOf(source)
    return `${tensor.replace(/weight$/, 'bias')}${slices}`
  }
  return Object.fromEntries([
    ...PROJECTIONS.map((name) => [`attention.${name}`, names[name]]),
    ...PROJECTIONS.filter(isBiased).map((name) => [`attention.${name}_bias`, biasOf(names[name])]),
    ...(norms === 'none'
      ? []
      : [
          ['attention.q_norm.weight', names.qNorm],
          ['attention.k_norm.weight', names.kNorm],
        ]),
    ...(sinks === undefined ? [] : [['attention.sink', sinks]]),
  ])
}

function windowText(window: Window | null): {
  readonly arguments: readonly string[]
  readonly parameters: readonly ParameterText[]
} {
  if (window === null || window.layers === false) return { arguments: [], parameters: [] }
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

/** Rotated channels of a head: all of them, or the first ones that its share holds. */
function rotatedOf(fields: Fields, { size }: Heads, { share }: Rope): number {
  const rotated = share === 1 ? size : Math.floor(size * share)
  const what = share === 1 ? `a head of ${size} numbers` : `a part of ${rotated} numbers of a head`
  fields.demand(
    rotated % 2 !== 1,
    ['hidden_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim'],
    `${what} cannot be rotated in pairs: its size must be even`,
  )
  return rotated
}

interface Rotary {
  readonly arguments: readonly string[]
  readonly parameters: readonly ParameterText[]
  readonly imports: RopeText['imports']
  /** Whether the arguments name the size of a head. */
  readonly needsSize: boolean
}

function rotaryOf(fields: Fields, heads: Heads, rope: Rope): Rotary {
  const rotated = rotatedOf(fields, heads, rope)
  demandPairs(fields, rope, rotated / 2)
  const isWhole = rotated === heads.size
  const text = isWhole ? plainRopeText(rope, 'C / 2') : ropeText(rope, 'R / 2')
  return {
    arguments: [...(isWhole ? [] : ['rotated = R']), ...text.arguments],
    parameters: [
      ...(isWhole ? [] : [intParameter('R', rotated, 'Channels of a head that are rotated.', 'heads', '2..')]),
      ...ropeParameters(rope),
    ],
    imports: text.imports,
    needsSize: text.arguments.some((one) => /\bC\b/.test(one)),
  }
}

const of = <T, A extends unknown[]>(option: T | ((...given: A) => T), ...given: A): T =>
  typeof option === 'function' ? (option as (...given: A) => T)(...given) : option

export const groupedQueries =
  (options: GroupedOptions = {}): Make<Sublayer> =>
  (context: Context) => {
    const { fields } = context
    const names = { ...NAMES, ...options.names }
    const heads = readHeads(fields, options.fields)
    options.law?.(fields, heads)
    const rotary = rotaryOf(fields, heads, readRope(fields, of(options.rope ?? {}, fields, heads)))
    const window = options.window?.(context) ?? null
    if (options.window === undefined) refuseLayerTypes(context)
    const biases = options.biases?.(fields) ?? noBiases
    const norms = of(options.norms ?? 'none', fields)
    const clip = options.clip?.(fields) ?? null
    const windowed = windowText(window)
    const namesSize = Object.values(names).some((source) => /\bC\b/.test(partsOf(source).slices))
    const withSize = rotary.needsSize || namesSize
    const hasPlainLayers = options.rotatesInWindows === true && window !== null && window.layers !== true
    const list = [
      'heads = H',
      'groups = G',
      ...(heads.isFree || withSize ? ['C = C'] : []),
      ...rotary.arguments,
      ...(hasPlainLayers ? [`rotary = ${String(window.layers)}`] : []),
      ...(options.isInterleaved === true || context.rotates === 'interleaved' ? ['interleaved = true'] : []),
      ...readDirection(fields, window),
      ...windowed.arguments,
      ...(biases.queries ? ['biases = true'] : []),
      ...(biases.output ? ['output_bias = true'] : []),
      ...(norms === 'none' ? [] : [`norms = "${norms}"`, 'eps = eps']),
      ...(clip === null ? [] : ['clip = clip']),
      ...(options.sinks === undefined ? [] : ['sinks = true']),
      ...(options.scale === undefined ? [] : [`scale = ${realText(fields.positive(options.scale, 'the factor on the scores'))}`]),
    ].join(', ')
    return {
      imports: mergedImports([{ 'blocks/attention': ['attention'] }, rotary.imports]),
      parameters: [
        ...headParameters(heads, withSize),
        ...windowed.parameters,
        ...(clip === null ? [] : [realParameter('clip', clip, 'Largest magnitude of a query, key or value.', 'limit')]),
        ...rotary.parameters,
      ],
      weights: weightsOf(names, biases, norms, options.sinks),
      label: 'attention',
      namesInput: true,
      isChoice: false,
      lines: (input) => [`attention(${input}, ${list})`],
    }
  }
