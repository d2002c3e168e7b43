/** The rotary embedding of a config: its base, and how its frequencies are scaled. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import type { Fields } from './fields.ts'
import type { ParameterText } from './write.ts'

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

function readLlama3(fields: Fields, rope: Fields, name: string): Scaling {
  const factor = rope.positive('factor')
  const [low, high] = [rope.positive('low_freq_factor'), rope.positive('high_freq_factor')]
  const law = `'${name}.high_freq_factor' (${high}) must be above '${name}.low_freq_factor' (${low})`
  rope.demand(high > low, ['low_freq_factor', 'high_freq_factor'], law)
  // beside the group it counts before the one inside, and the longest context stands for both
  const beside = [fields, rope].find((group) => group.has('original_max_position_embeddings'))
  const context =
    beside === undefined ? fields.count('max_position_embeddings') : beside.count('original_max_position_embeddings')
  return { kind: 'llama3', factor, low, high, context }
}

function readScaling(kind: Kind, fields: Fields, rope: Fields, name: string): Scaling {
  switch (kind) {
    case 'default':
      return { kind: 'none' }
    case 'linear':
      return { kind: 'linear', factor: rope.positive('factor') }
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
  if (fields.has('rope_parameters'))
    fields.note("both 'rope_scaling' and 'rope_parameters' are given: as in transformers, only 'rope_scaling' is read")
  return 'rope_scaling'
}

/** The base is `fallback` if the config does not set one. */
export function readRope(fields: Fields, fallback: number): Rope {
  const name = groupName(fields)
  const rope = fields.group(name)
  const given = (of: Fields): number => of.positive('rope_theta', fields.positive('rope_theta', fallback))
  const nested = rope.names.find((key) => rope.isGroup(key))
  if (nested !== undefined) {
    fields.refuse(`'${name}' differs by kind of layer ('${cut(nested)}'): only one for all layers is supported`)
    return { theta: fallback, scaling: { kind: 'none' } }
  }
  const rotated = rope.positive('partial_rotary_factor', fields.positive('partial_rotary_factor', 1))
  if (rotated !== 1) fields.refuse(`'partial_rotary_factor' is ${rotated}: only heads rotated in full are supported`)
  const theta = given(rope)
  if (theta < 1) fields.refuse(`'rope_theta' is ${theta}: it must be at least 1`)
  const kind = rope.text('rope_type', rope.text('type', 'default'))
  if (!isKind(kind)) {
    fields.refuse(
      `the rotary embedding is scaled ('${name}' is of type '${cut(kind)}'): supported are ${Object.keys(KINDS).join(', ')}`,
    )
    return { theta, scaling: { kind: 'none' } }
  }
  refuseOthers(fields, rope, name, kind)
  return { theta, scaling: readScaling(kind, fields, rope, name) }
}

const real = (name: string, value: number, doc: string): ParameterText => ({ name, type: 'real', range: '', value, doc })

export function ropeParameters({ theta, scaling }: Rope): readonly ParameterText[] {
  const base = real('theta', theta, 'Base of the rotary embedding.')
  if (scaling.kind === 'none') return [base]
  const factor = real('rope_factor', scaling.factor, 'Divides the frequencies of the rotary embedding that are scaled.')
  if (scaling.kind === 'linear') return [base, factor]
  return [
    base,
    factor,
    real('rope_low', scaling.low, 'Frequencies of fewer turns in the original context are scaled.'),
    real('rope_high', scaling.high, 'Frequencies of more turns in the original context stay as they are.'),
    real('rope_context', scaling.context, 'Tokens of the original context.'),
  ]
}

/** The rotary arguments of the attention call. */
export function ropeArguments(rope: Rope): readonly string[] {
  const scaling = rope.scaling.kind === 'none' ? [] : [`rope_scaling = "${rope.scaling.kind}"`]
  return [...scaling, ...ropeParameters(rope).map(({ name }) => `${name} = ${name}`)]
}
