/** Heads of an attention with grouped queries, read from the config. */
import type { Fields } from '../fields.ts'
import { intParameter, type ParameterText } from '../parameter.ts'
import { given, type Argument } from '../rope-text.ts'

export interface Heads {
  readonly heads: number
  readonly groups: number
  /** Width of a head. */
  readonly size: number
  /** Whether `size` is another than width / heads, and so said. */
  readonly isFree: boolean
}

export interface HeadFields {
  readonly width: string
  readonly heads: string
  readonly groups: string
  readonly size: string
}

export const HEAD_FIELDS: HeadFields = {
  width: 'hidden_size',
  heads: 'num_attention_heads',
  groups: 'num_key_value_heads',
  size: 'head_dim',
}

export function readHeads(fields: Fields, names: Partial<HeadFields> = {}): Heads {
  const { width: widthName, heads: headsName, groups: groupsName, size: sizeName } = { ...HEAD_FIELDS, ...names }
  const width = fields.count(widthName, '')
  const heads = fields.count(headsName, 'the heads of the attention')
  const groups =
    fields.optionalCount(groupsName, 'the groups of heads that share a key and a value; as many as heads where it is null') ??
    heads
  const size = fields.optionalCount(sizeName, 'the size of a head; the width by the heads where there is none') ?? width / heads
  const between = [widthName, headsName, groupsName, sizeName]
  fields.demand(heads % groups === 0, between, `'${groupsName}' (${groups}) does not divide '${headsName}' (${heads})`)
  fields.demand(Number.isInteger(size), between, `'${headsName}' (${heads}) does not divide '${widthName}' (${width})`)
  return { heads, groups, size, isFree: size !== width / heads }
}

/** The parameters of heads, for names of tensors with slices that they count. */
export const headParameters = ({ heads, groups, size }: Heads): readonly ParameterText[] => [
  intParameter('H', heads, 'Heads of the attention.', 'heads'),
  intParameter('G', groups, 'Groups of heads that share a key and a value.', 'heads', '1..H'),
  intParameter('C', size, 'Size of a head.', 'heads'),
]

/** The arguments of an attention, as numbers or by those parameters; `needsSize` where others depend on the size of a head. */
export function headArguments(
  { heads, groups, size, isFree }: Heads,
  areNamed: boolean,
  needsSize: boolean,
): readonly Argument[] {
  if (areNamed) return ['heads = H', 'groups = G', 'C = C'].map(given)
  return [
    given(`heads = ${heads}`),
    { text: `groups = ${groups}`, isDefault: groups === heads },
    { text: `C = ${size}`, isDefault: !isFree && !needsSize },
  ]
}

/** Norms over all queries have the size of the residual stream, so that a head cannot have a size of its own. */
export function derivedSize(fields: Fields, { size, isFree }: Heads): void {
  const law = `'head_dim' is ${size}: only 'hidden_size' / 'num_attention_heads' is supported`
  fields.demand(!isFree, ['head_dim', 'hidden_size', 'num_attention_heads'], law)
}
