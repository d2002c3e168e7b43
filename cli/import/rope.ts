/** The rotary embedding of a config: its base, and how its frequencies are scaled. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import type { Fields } from './fields.ts'
import { realParameter, type ParameterText } from './parameter.ts'
import { realText } from './write.ts'

export type Scaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | { readonly kind: 'llama3'; readonly factor: number; readonly low: number; readonly high: number; readonly context: number }

export interface Rope {
  readonly theta: number
  readonly scaling: Scaling
}

/** Supported values of `rope_type`, and the fields of each. */
const KINDS = {
  default: [],
  linear: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
} as const satisfies Readonly<Record<string, readonly string[]>>

type Kind = keyof typeof KINDS

const isKind = (kind: string): kind is Kind => Object.hasOwn(KINDS, kind)

const COMMON: readonly string[] = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor']

const FACTOR = 'rope_factor: divides frequencies'

function readLlama3(fields: Fields, rope: Fields, name: string): Scaling {
  const factor = rope.positive('factor', FACTOR)
  const low = rope.positive('low_freq_factor', 'rope_low: fewer turns in the original context are scaled')
  const high = rope.positive('high_freq_factor', 'rope_high: more turns in the original context stay as they are')
  const law = `'${name}.high_freq_factor' (${high}) must be above '${name}.low_freq_factor' (${low})`
  rope.demand(high > low, ['low_freq_factor', 'high_freq_factor'], law)
  return { kind: 'llama3', factor, low, high, context: readContext(fields, rope) }
}

/** Tokens of the original context: the field beside the group counts before the one inside, and the longest context for both. */
function readContext(fields: Fields, rope: Fields): number {
  const became = 'rope_context: the original context'
  const beside = [fields, rope].find((group) => group.has('original_max_position_embeddings'))
  return beside === undefined
    ? fields.count('max_position_embeddings', became)
    : beside.count('original_max_position_embeddings', became)
}

function readScaling(kind: Kind, fields: Fields, rope: Fields, name: string): Scaling {
  switch (kind) {
    case 'default':
      return { kind: 'none' }
    case 'linear':
      return { kind: 'linear', factor: rope.positive('factor', FACTOR) }
    case 'llama3':
      return readLlama3(fields, rope, name)
    default:
      return kind satisfies never
  }
}

function refuseOthers(fields: Fields, rope: Fields, name: string, kind: Kind): void {
  for (const field of rope.names.filter((one) => rope.has(one) && ![...COMMON, ...KINDS[kind]].includes(one))) {
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

const NONE: Scaling = { kind: 'none' }
const THETA = 'the parameter theta'

function readTheta(fields: Fields, rope: Fields): number {
  const theta = rope.has('rope_theta') ? rope.positive('rope_theta', THETA) : fields.positive('rope_theta', THETA)
  if (rope.has('rope_theta') && fields.has('rope_theta')) fields.skip('rope_theta', 'nothing: the one inside the group counts')
  if (theta < 1) fields.refuse(`'rope_theta' is ${theta}: it must be at least 1`)
  return theta
}

/** The base is the default of `rope_theta` if the config does not set one. */
export function readRope(fields: Fields): Rope {
  const name = groupName(fields)
  const rope = fields.group(name)
  const nested = rope.names.find((key) => rope.isGroup(key))
  if (nested !== undefined) {
    fields.refuse(`'${name}' differs by kind of layer ('${cut(nested)}'): only one for all layers is supported`)
    return { theta: 1, scaling: NONE }
  }
  const partial = rope.has('partial_rotary_factor') ? rope : fields
  const rotated = partial.positive('partial_rotary_factor', 'the share of a head that is rotated', 1)
  if (rotated !== 1) fields.refuse(`'partial_rotary_factor' is ${rotated}: only heads rotated in full are supported`)
  const theta = readTheta(fields, rope)
  const typeName = rope.has('rope_type') ? 'rope_type' : 'type'
  const kind = rope.text(typeName, 'how frequencies are scaled', 'default')
  if (!isKind(kind)) {
    fields.refuse(
      `the rotary embedding is scaled ('${name}' is of type '${cut(kind)}'): supported are ${Object.keys(KINDS).join(', ')}`,
    )
    return { theta, scaling: NONE }
  }
  refuseOthers(fields, rope, name, kind)
  return { theta, scaling: readScaling(kind, fields, rope, name) }
}

export const ropeParameters = ({ theta }: Rope): readonly ParameterText[] => [
  realParameter('theta', theta, 'Base of the rotary embedding.', 'rotary'),
]

/** The rotary arguments of the attention call. */
export function ropeArguments({ scaling }: Rope): readonly string[] {
  const theta = 'theta = theta'
  switch (scaling.kind) {
    case 'none':
      return [theta]
    case 'linear':
      return ['rope_scaling = "linear"', theta, `rope_factor = ${realText(scaling.factor)}`]
    case 'llama3':
      return [
        'rope_scaling = "llama3"',
        theta,
        `rope_factor = ${realText(scaling.factor)}`,
        `rope_low = ${realText(scaling.low)}`,
        `rope_high = ${realText(scaling.high)}`,
        `rope_context = ${realText(scaling.context)}`,
      ]
    default:
      return scaling satisfies never
  }
}
