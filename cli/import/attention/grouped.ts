/**
 * Self-attention with grouped queries, in the variants that its block has: biases, norms of queries and keys, clamp, window,
 * sinks, heads that are rotated in part or not at all.
 */
import { chosen } from '../decoder/layers.ts'
import type { Fields } from '../fields.ts'
import { partsOf } from '../names/source.ts'
import { mergedImports, type Context, type Imports, type Make, type Part, type Sublayer, type Weights } from '../part.ts'
import { everyRopeArgument, given, plainRopeText, ropeText, type Argument } from '../rope-text.ts'
import { demandPairs, readRope, type PlainRope, type Rope, type RopeOptions } from '../rope.ts'
import { realText } from '../write.ts'
import { HEAD_FIELDS, headArguments, headParameters, readHeads, type HeadFields, type Heads } from './heads.ts'
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
  /** Field of the factor on the scores, or a number that no config changes; 1 / sqrt(head) where it is absent. */
  readonly scale?: string | number
  readonly window?: Make<Window | null>
  /** Whether layers without a window have no rotary embedding, where others have one. */
  readonly rotatesInWindows?: boolean
  /** Whether neighbours are rotated as pairs, in the place of the two halves of a head. */
  readonly isInterleaved?: boolean
  /** Name in a layer of the learned logits beside the scores. */
  readonly sinks?: string
  /** The rotary embedding by its options. */
  readonly rope?: RopeOptions | ((fields: Fields, heads: Heads) => RopeOptions)
  /** The rotary embedding as another function reads it. */
  readonly plainRope?: (fields: Fields) => PlainRope
  readonly fields?: Partial<HeadFields>
  /** The heads, where more than the values of fields decides. */
  readonly heads?: (fields: Fields) => Heads
  /** Whether values are the keys before their norm. */
  readonly sharesValues?: boolean
  /** Whether each head of the values is scaled to root mean square 1. */
  readonly hasValueNorm?: boolean
  /** Whether every position sees all others; else `is_causal` says it. */
  readonly isBidirectional?: boolean
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
    fields.optionalPositive(field, CLIP)

export const CLIP = 'the clamp of queries, keys and values'

interface Weighted {
  readonly names: AttentionNames
  readonly biases: Biases
  readonly norms: QueryNorms
  readonly sinks: string | undefined
  readonly sharesValues: boolean
}

function weightsOf({ names, biases, norms, sinks, sharesValues }: Weighted): Weights {
  const projections = PROJECTIONS.filter((name) => !(sharesValues && name === 'v'))
  const isBiased = (name: string): boolean => (name === 'o' ? biases.output : biases.queries)
  const biasOf = (source: string): string => {
    const { tensor, slices } = partsOf(source)
    return `${tensor.replace(/weight$/, 'bias')}${slices}`
  }
  return Object.fromEntries([
    ...projections.map((name) => [`attention.${name}`, names[name]]),
    ...projections.filter(isBiased).map((name) => [`attention.${name}_bias`, biasOf(names[name])]),
    ...(norms === 'none'
      ? []
      : [
          ['attention.q_norm.weight', names.qNorm],
          ['attention.k_norm.weight', names.kNorm],
        ]),
    ...(sinks === undefined ? [] : [['attention.sink', sinks]]),
  ])
}

const windowArgument = (window: Window | null): Argument =>
  window === null || window.layers === false
    ? { text: 'window = 0', isDefault: true }
    : given(`window = ${chosen(window.layers, String(window.size), '0')}`)

function readDirection(fields: Fields, window: Window | null): readonly string[] {
  const isCausal = fields.flag('is_causal', 'whether a position sees later ones', true)
  fields.demand(
    isCausal || window === null,
    [],
    "'is_causal' is false beside a 'sliding_window': a window that looks both ways is not supported",
  )
  return isCausal ? [] : ['bidirectional = true']
}

/** An option, or what a function makes of the config. */
const of = <T, A extends unknown[]>(option: T | ((...given: A) => T), ...given: A): T =>
  typeof option === 'function' ? (option as (...given: A) => T)(...given) : option

/** The fields that a number of rotated channels comes from. */
function rotatedFields(fields: Fields, { fields: names, rope }: GroupedOptions, heads: Heads, share: number): string {
  const { width, heads: count, size } = { ...HEAD_FIELDS, ...names }
  const channels = fields.has(size) ? `'${size}'` : `'${width}' by '${count}'`
  if (share === 1) return channels
  const { rotated } = of(rope ?? {}, fields, heads)
  return rotated !== undefined && fields.has(rotated.field) ? `'${rotated.field}'` : `${channels}, times 'partial_rotary_factor'`
}

/** Rotated channels of a head: all of them, or the first ones that its share holds. */
function rotatedOf(fields: Fields, options: GroupedOptions, heads: Heads, { share }: Rope): number {
  const { size } = heads
  const rotated = share === 1 ? size : Math.floor(size * share)
  const what = share === 1 ? `a head of ${size} numbers` : `a part of ${rotated} numbers of a head`
  fields.demand(
    rotated % 2 !== 1,
    ['hidden_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim'],
    `${what} cannot be rotated in pairs: its size must be even (${rotatedFields(fields, options, heads, share)})`,
  )
  return rotated
}

/** Arguments of the rotary embedding, and what they take from `std`. */
interface Rotary {
  readonly arguments: readonly Argument[]
  readonly imports: Imports
}

/** `isNamed`: whether the size of a head is a parameter. */
function rotaryOf(fields: Fields, heads: Heads, options: GroupedOptions, isNamed: boolean): Rotary {
  const { plainRope } = options
  if (plainRope !== undefined) {
    const rope = plainRope(fields)
    return { arguments: everyRopeArgument(rope, rotatedOf(fields, options, heads, rope) / 2), imports: {} }
  }
  const rope = readRope(fields, of(options.rope ?? {}, fields, heads))
  const rotated = rotatedOf(fields, options, heads, rope)
  demandPairs(fields, rope, rotated / 2)
  const isWhole = rotated === heads.size
  const text = isWhole ? plainRopeText(rope, rotated / 2, isNamed ? 'C / 2' : undefined) : ropeText(rope, rotated / 2)
  return { ...text, arguments: [...(isWhole ? [] : [`rotated = ${rotated}`]), ...text.arguments].map(given) }
}

const scaleOf = (fields: Fields, scale: string | number): number =>
  typeof scale === 'number' ? scale : fields.positive(scale, 'the factor on the scores')

/** A call of the block `attention`, and its weights in a layer. */
export interface AttentionCall extends Part {
  readonly arguments: readonly Argument[]
}

/** An attention with this call, but for the arguments that are defaults. */
export const attentionLayer = ({ arguments: list, ...part }: AttentionCall): Sublayer => ({
  ...part,
  label: 'attention',
  namesInput: true,
  isChoice: false,
  lines: (input) => [`attention(${[input, ...list.filter(({ isDefault }) => !isDefault).map(({ text }) => text)].join(', ')})`],
})

export const groupedQueries =
  (options: GroupedOptions = {}): Make<Sublayer> =>
  (context: Context) =>
    attentionLayer(attentionCall(options)(context))

export const attentionCall =
  (options: GroupedOptions): Make<AttentionCall> =>
  (context: Context) => {
    const { fields } = context
    const { sharesValues = false, hasValueNorm = false } = options
    const names = { ...NAMES, ...options.names }
    const heads = options.heads?.(fields) ?? readHeads(fields, options.fields)
    options.law?.(fields, heads)
    const areNamed = Object.values(names).some((source) => /\b[HGC]\b/.test(partsOf(source).slices))
    const rotary = rotaryOf(fields, heads, options, areNamed)
    const window = options.window?.(context) ?? null
    if (options.window === undefined) refuseLayerTypes(context)
    const biases = options.biases?.(fields) ?? noBiases
    const norms = of(options.norms ?? 'none', fields)
    const clip = options.clip?.(fields) ?? null
    const hasFrequencies = rotary.arguments.some(({ text }) => text.startsWith('frequency = '))
    const hasPlainLayers = options.rotatesInWindows === true && window !== null && window.layers !== true
    const before = [
      ...(hasPlainLayers ? [`rotary = ${String(window.layers)}`] : []),
      ...(options.isInterleaved === true || context.rotates === 'interleaved' ? ['interleaved = true'] : []),
      ...(options.isBidirectional === true ? ['bidirectional = true'] : readDirection(fields, window)),
    ]
    const after = [
      ...(biases.queries ? ['biases = true'] : []),
      ...(biases.output ? ['output_bias = true'] : []),
      ...(norms === 'none' ? [] : [`norms = "${norms}"`, 'eps = eps']),
      ...(clip === null ? [] : [`clip = ${realText(clip)}`]),
      ...(options.sinks === undefined ? [] : ['sinks = true']),
    ]
    const last = [
      ...(hasValueNorm ? ['value_norm = true'] : []),
      ...(options.scale === undefined ? [] : [`scale = ${realText(scaleOf(fields, options.scale))}`]),
    ]
    return {
      imports: mergedImports([{ 'blocks/attention': ['attention'] }, rotary.imports]),
      parameters: areNamed ? headParameters(heads) : [],
      weights: weightsOf({ names, biases, norms, sinks: options.sinks, sharesValues }),
      arguments: [
        ...headArguments(heads, areNamed, hasFrequencies),
        ...rotary.arguments,
        ...before.map(given),
        windowArgument(window),
        ...after.map(given),
        { text: `value = "${sharesValues ? 'key' : 'own'}"`, isDefault: !sharesValues },
        ...last.map(given),
      ],
    }
  }

/** One call for two kinds of layers, with a choice by `flag` where arguments differ; both name the same ones in order. */
export function mergedCalls(flag: string, then: AttentionCall, otherwise: AttentionCall): AttentionCall {
  return {
    imports: mergedImports([then.imports, otherwise.imports]),
    parameters: [...then.parameters, ...otherwise.parameters],
    weights: { ...then.weights, ...otherwise.weights },
    arguments: then.arguments.map((one, at) => chosenArgument(flag, one, otherwise.arguments[at])),
  }
}

function chosenArgument(flag: string, then: Argument, otherwise: Argument): Argument {
  if (then.text === otherwise.text) return { text: then.text, isDefault: then.isDefault && otherwise.isDefault }
  const [[name, value], [other, another]] = [then, otherwise].map(({ text }) => text.split(' = '))
  if (name !== other) throw new Error(`arguments of two attentions do not stand in one order: ${name} and ${other}`)
  return given(`${name} = if ${flag} then ${value} else ${another}`)
}
