/** The rotary embedding of a config: its base, how its frequencies are scaled, and how much of a head it rotates. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import type { Fields } from './fields.ts'

export interface Linear {
  readonly kind: 'linear'
  readonly factor: number
}

export interface Llama3 {
  readonly kind: 'llama3'
  readonly factor: number
  readonly low: number
  readonly high: number
  readonly context: number
}

export interface Dynamic {
  readonly kind: 'dynamic'
  readonly factor: number
  readonly context: number
}

export interface Yarn {
  readonly kind: 'yarn'
  readonly factor: number
  readonly context: number
  readonly fast: number
  readonly slow: number
  readonly truncate: boolean
  /** Factor on cos and sin; null where it follows from the others. */
  readonly magnitude: number | null
  /** Weights of the magnitude; null where they are absent or 0. */
  readonly mscale: number | null
  readonly mscaleAllDim: number | null
}

export interface LongRope {
  readonly kind: 'longrope'
  readonly short: readonly number[]
  readonly long: readonly number[]
  readonly factor: number
  readonly context: number
  readonly magnitude: number | null
  /** Factors on cos and sin of short and long sequences, of classes that take the short factors for all of them. */
  readonly magnitudes: { readonly short: number; readonly long: number } | null
}

/** A share of the pairs of a head turns, and the others stay. */
export interface Proportional {
  readonly kind: 'proportional'
  readonly factor: number
  readonly turning: number
}

export type Scaling = { readonly kind: 'none' } | Proportional | Linear | Llama3 | Dynamic | Yarn | LongRope

/** A rotary embedding whose scaling an attention of `std` has as arguments. */
export interface PlainRope extends Rope {
  readonly scaling: { readonly kind: 'none' } | Proportional | Linear
}

export interface Rope {
  readonly theta: number
  readonly scaling: Scaling
  /** The part of a head that is rotated, its first channels. */
  readonly share: number
}

/** Fields of each `rope_type`. */
const KINDS = {
  default: [],
  linear: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
  dynamic: ['factor'],
  yarn: [
    'factor',
    'original_max_position_embeddings',
    'beta_fast',
    'beta_slow',
    'truncate',
    'attention_factor',
    'mscale',
    'mscale_all_dim',
  ],
  longrope: ['short_factor', 'long_factor', 'factor', 'attention_factor', 'original_max_position_embeddings'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type RopeKind = keyof typeof KINDS

const MAGNITUDES: readonly string[] = ['short_mscale', 'long_mscale']
const COMMON: readonly string[] = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor']

export interface RopeOptions {
  /** Whether the class rotates a part of each head where `partial_rotary_factor` says so; refused elsewhere. */
  readonly isPartial?: boolean
  /** Field of the number of channels that are rotated, in heads of `size`, where `partial_rotary_factor` is absent. */
  readonly rotated?: { readonly field: string; readonly size: number }
  /** The kinds of scaling that the class takes; all where it is absent. */
  readonly kinds?: readonly RopeKind[]
  /** Whether a longrope has `short_mscale` and `long_mscale`, and its short factors for all sequences. */
  readonly hasMagnitudes?: boolean
  /** What counts where the config has no group. */
  readonly absent?: Readonly<Record<string, unknown>>
  /** What a dynamic scaling by `alpha` makes of the base; only some classes have it. */
  readonly alpha?: (theta: number, alpha: number) => number
}

const FACTOR = 'the factor that divides frequencies'
const CONTEXT = 'the tokens of the original context'

/** Tokens of the original context: the field beside the group counts before the one inside, and the longest context for both. */
function readContext(fields: Fields, rope: Fields): number {
  const beside = [fields, rope].find((group) => group.has('original_max_position_embeddings'))
  return beside === undefined
    ? fields.count('max_position_embeddings', CONTEXT)
    : beside.count('original_max_position_embeddings', CONTEXT)
}

function readLlama3(fields: Fields, rope: Fields, name: string): Scaling {
  const factor = rope.positive('factor', FACTOR)
  const low = rope.positive('low_freq_factor', 'fewer turns in the original context are scaled')
  const high = rope.positive('high_freq_factor', 'more turns in the original context stay as they are')
  const law = `'${name}.high_freq_factor' (${high}) must be above '${name}.low_freq_factor' (${low})`
  rope.demand(high > low, ['low_freq_factor', 'high_freq_factor'], law)
  return { kind: 'llama3', factor, low, high, context: readContext(fields, rope) }
}

const MAGNITUDE = 'the factor on cos and sin'

/** A weight of the magnitude; 0 counts as none. */
function readWeight(rope: Fields, name: string): number | null {
  if (rope.raw(name) !== 0) return rope.optionalPositive(name, 'a weight of the factor on cos and sin')
  rope.skip(name, 'nothing: it is 0')
  return null
}

const readYarn = (fields: Fields, rope: Fields): Scaling => ({
  kind: 'yarn',
  factor: rope.positive('factor', FACTOR),
  context: readContext(fields, rope),
  fast: rope.positive('beta_fast', 'turns in the original context from which frequencies stay', 32),
  slow: rope.positive('beta_slow', 'turns in the original context below which frequencies are divided', 1),
  truncate: rope.flag('truncate', 'whether the bounds of the ramp are whole numbers', true),
  magnitude: rope.optionalPositive('attention_factor', MAGNITUDE),
  mscale: readWeight(rope, 'mscale'),
  mscaleAllDim: readWeight(rope, 'mscale_all_dim'),
})

/** Empty where the list is refused. */
function readFactors(rope: Fields, name: string): readonly number[] {
  const list = rope.list(name, 'what divides each frequency')
  const odd = list.find((value) => typeof value !== 'number' || !Number.isFinite(Math.fround(value)) || value <= 0)
  if (odd !== undefined || list.length === 0) rope.refuseValue(name, 'it must list a number above 0 for each frequency')
  return odd === undefined ? (list as readonly number[]) : []
}

function readLongRope(fields: Fields, rope: Fields, hasMagnitudes: boolean): Scaling {
  const context = readContext(fields, rope)
  const given = rope.optionalPositive('factor', FACTOR)
  const factor = given ?? fields.count('max_position_embeddings', 'the longest context, divided by the original one') / context
  const [short, long] = [readFactors(rope, 'short_factor'), readFactors(rope, 'long_factor')]
  const magnitude = rope.optionalPositive('attention_factor', MAGNITUDE)
  const magnitudes = hasMagnitudes
    ? {
        short: rope.positive('short_mscale', 'the factor on cos and sin of short sequences'),
        long: rope.positive('long_mscale', 'the factor on cos and sin of long sequences'),
      }
    : null
  return { kind: 'longrope', short, long, factor, context, magnitude, magnitudes }
}

function readScaling(kind: RopeKind, fields: Fields, rope: Fields, name: string, hasMagnitudes: boolean): Scaling {
  switch (kind) {
    case 'default':
      return { kind: 'none' }
    case 'linear':
      return { kind: 'linear', factor: rope.positive('factor', FACTOR) }
    case 'llama3':
      return readLlama3(fields, rope, name)
    case 'dynamic':
      return {
        kind: 'dynamic',
        factor: rope.positive('factor', FACTOR),
        context: fields.count('max_position_embeddings', CONTEXT),
      }
    case 'yarn':
      return readYarn(fields, rope)
    case 'longrope':
      return readLongRope(fields, rope, hasMagnitudes)
    default:
      return kind satisfies never
  }
}

function refuseOthers(fields: Fields, rope: Fields, name: string, known: readonly string[], kind: string): void {
  for (const field of rope.names.filter((one) => rope.has(one) && ![...COMMON, ...known].includes(one))) {
    fields.refuse(`'${name}.${cut(field)}' is given, which a rotary embedding of type '${kind}' does not have`)
  }
}

/** A non-empty `rope_scaling` replaces all of `rope_parameters`. */
function groupName(fields: Fields): string {
  if (!fields.has('rope_scaling')) return 'rope_parameters'
  const isEmpty = fields.isGroup('rope_scaling') && fields.group('rope_scaling').names.length === 0
  if (isEmpty && fields.has('rope_parameters')) return 'rope_parameters'
  if (fields.has('rope_parameters')) {
    fields.skip('rope_parameters', "nothing: 'rope_scaling' replaces it")
    fields.note("both 'rope_scaling' and 'rope_parameters' are given: as in transformers, only 'rope_scaling' is read")
  }
  return 'rope_scaling'
}

const NONE = { kind: 'none' } as const
const THETA = 'the base of the rotary embedding'

function readTheta(fields: Fields, rope: Fields): number {
  const theta = rope.has('rope_theta') ? rope.positive('rope_theta', THETA) : fields.positive('rope_theta', THETA)
  if (rope.has('rope_theta') && fields.has('rope_theta')) fields.skip('rope_theta', 'nothing: the one inside the group counts')
  if (theta < 1) fields.refuse(`'rope_theta' is ${theta}: it must be at least 1`)
  return theta
}

function readShare(fields: Fields, rope: Fields, { isPartial = false, rotated }: RopeOptions): number {
  const isInside = rope.has('partial_rotary_factor')
  const group = isInside ? rope : fields
  if (isInside) fields.skip('partial_rotary_factor', 'nothing: the one inside the group counts')
  const became = 'the share of a head that is rotated'
  const channels = rotated === undefined ? null : fields.optionalCount(rotated.field, 'channels of a head that are rotated')
  const byChannels = rotated === undefined || channels === null ? 1 : channels / rotated.size
  const share = group.positive('partial_rotary_factor', became, byChannels)
  if (share !== 1 && !isPartial) fields.refuse(`'partial_rotary_factor' is ${share}: only heads rotated in full are supported`)
  if (share > 1) fields.refuse(`a share of ${share} of a head cannot be rotated: it is more than the head`)
  return Math.min(share, 1)
}

/** Refuses a table of factors that has not one for each of the `pairs` of channels that are rotated. */
export function demandPairs(fields: Fields, { scaling }: Rope, pairs: number): void {
  if (scaling.kind !== 'longrope') return
  for (const [name, { length }] of Object.entries({ short_factor: scaling.short, long_factor: scaling.long }))
    if (length !== 0 && length !== pairs) fields.refuse(`'${name}' lists ${length} factors, and ${pairs} frequencies are rotated`)
}

/** The base is the default of `rope_theta` if the config does not set one. */
export function readRope(fields: Fields, options: RopeOptions = {}): Rope {
  const { kinds, alpha, absent, hasMagnitudes = false } = options
  const name = groupName(fields)
  const rope = fields.group(name, absent)
  const nested = rope.names.find((key) => rope.isGroup(key))
  if (nested !== undefined) {
    fields.refuse(`'${name}' differs by kind of layer ('${cut(nested)}'): only one for all layers is supported`)
    return { theta: 1, scaling: NONE, share: 1 }
  }
  const share = readShare(fields, rope, options)
  const theta = readTheta(fields, rope)
  const kind = rope.text(rope.has('rope_type') ? 'rope_type' : 'type', 'how frequencies are scaled', 'default')
  if (kind === 'dynamic' && alpha !== undefined && rope.has('alpha')) {
    rope.skip('factor', "nothing: 'alpha' counts")
    refuseOthers(fields, rope, name, ['alpha', 'factor'], kind)
    return { theta: alpha(theta, rope.positive('alpha', 'a factor on the base of the rotary embedding')), scaling: NONE, share }
  }
  const known = kinds ?? (Object.keys(KINDS) as readonly RopeKind[])
  const found = known.find((one) => one === kind)
  if (found === undefined) {
    fields.refuse(`the rotary embedding is scaled ('${name}' is of type '${cut(kind)}'): supported are ${known.join(', ')}`)
    return { theta, scaling: NONE, share }
  }
  refuseOthers(fields, rope, name, [...KINDS[found], ...(hasMagnitudes ? MAGNITUDES : [])], found)
  return { theta, scaling: readScaling(found, fields, rope, name, hasMagnitudes), share }
}

const OF_KINDS = {
  default: KINDS.default,
  linear: KINDS.linear,
  proportional: ['factor'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** The rotary embedding of one kind of layers, where `rope_parameters` has a group for each; those of `absent` without it. */
export function readRopeOf(layers: string, fields: Fields, absent: Readonly<Record<string, unknown>>): PlainRope {
  const groups = fields.group('rope_parameters', absent)
  const name = `rope_parameters.${layers}`
  if (!groups.isGroup(layers)) {
    fields.refuse(`'${name}' is missing: the rotary embedding of these layers`)
    return { theta: 1, scaling: NONE, share: 1 }
  }
  const rope = groups.group(layers)
  const theta = rope.positive('rope_theta', THETA)
  if (theta < 1) fields.refuse(`'${name}.rope_theta' is ${theta}: it must be at least 1`)
  const type = rope.text('rope_type', 'how frequencies are scaled', 'default')
  if (!Object.hasOwn(OF_KINDS, type)) {
    rope.refuseValue('rope_type', `supported are ${Object.keys(OF_KINDS).join(', ')}`)
    return { theta, scaling: NONE, share: 1 }
  }
  const kind = type as keyof typeof OF_KINDS
  refuseOthers(fields, rope, name, OF_KINDS[kind], kind)
  const turning = rope.positive('partial_rotary_factor', 'the share of the pairs of a head that turn', 1)
  const isShare = kind === 'proportional' ? turning <= 1 : turning === 1
  if (!isShare) rope.refuseValue('partial_rotary_factor', `a rotary embedding of type '${kind}' does not support it`)
  return { theta, scaling: scalingOf(kind, rope, turning), share: 1 }
}

function scalingOf(kind: keyof typeof OF_KINDS, rope: Fields, turning: number): PlainRope['scaling'] {
  if (kind === 'default') return NONE
  const factor = rope.positive('factor', FACTOR, kind === 'linear' ? undefined : 1)
  return kind === 'linear' ? { kind, factor } : { kind, factor, turning }
}
