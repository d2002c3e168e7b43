/** What the decoders of these architectures have in common, read from the config: sizes, rotary embedding, activation, head. */
import type { Fields } from './fields.ts'

export interface DecoderShape {
  readonly vocabulary: number
  readonly width: number
  readonly hidden: number
  readonly layers: number
  readonly heads: number
  readonly groups: number
  /** Null where it is width / heads. */
  readonly headSize: number | null
  readonly eps: number
  readonly theta: number
  readonly isTied: boolean
}

export interface DecoderDefaults {
  readonly architecture: string
  /** Base of the rotary embedding where the config names none. */
  readonly theta: number
}

/** Layouts of the rotary embedding: `rope_parameters`, or `rope_theta` beside `rope_scaling`. */
function readTheta(fields: Fields, fallback: number): number {
  const name = fields.has('rope_parameters') ? 'rope_parameters' : 'rope_scaling'
  const rope = fields.group(name)
  const nested = rope.names.find((key) => rope.isGroup(key))
  if (nested !== undefined) fields.refuse(`'${name}' differs by kind of layer ('${nested}'): only one for all layers is supported`)
  const kind = rope.text('rope_type', rope.text('type', 'default'))
  if (kind !== 'default') fields.refuse(`the rotary embedding is scaled ('${name}' is of type '${kind}'): only the unscaled one is supported`)
  const rotated = rope.positive('partial_rotary_factor', fields.positive('partial_rotary_factor', 1))
  if (rotated !== 1) fields.refuse(`'partial_rotary_factor' is ${rotated}: only heads rotated in full are supported`)
  const theta = rope.positive('rope_theta', fields.positive('rope_theta', fallback))
  if (theta < 1) fields.refuse(`'rope_theta' is ${theta}: it must be at least 1`)
  return theta
}

function readHeads(fields: Fields, width: number): Pick<DecoderShape, 'heads' | 'groups' | 'headSize'> {
  const heads = fields.count('num_attention_heads')
  const groups = fields.count('num_key_value_heads', heads)
  const isGiven = fields.has('head_dim')
  const size = isGiven ? fields.count('head_dim') : width / heads
  const between = ['hidden_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim']
  fields.demand(heads % groups === 0, between, `'num_key_value_heads' (${groups}) does not divide 'num_attention_heads' (${heads})`)
  fields.demand(Number.isInteger(size), between, `'num_attention_heads' (${heads}) does not divide 'hidden_size' (${width})`)
  fields.demand(size % 2 !== 1, between, `a head of ${size} numbers cannot be rotated in pairs: its size must be even`)
  return { heads, groups, headSize: size === width / heads ? null : size }
}

function refuseVariants(fields: Fields, { architecture }: DecoderDefaults): void {
  const activation = fields.text('hidden_act', 'silu')
  if (activation !== 'silu' && activation !== 'swish') fields.refuse(`'hidden_act' is '${activation}': only 'silu' is supported`)
  const other = fields.list('layer_types').find((type) => type !== 'full_attention')
  if (other !== undefined) fields.refuse(`'layer_types' names ${JSON.stringify(other)}: only 'full_attention' in every layer is supported`)
  const architectures = fields.list('architectures')
  if (architectures.length > 0 && !architectures.includes(architecture)) {
    fields.refuse(`'architectures' is ${JSON.stringify(architectures)}: only ${architecture}, with its language-model head, is supported`)
  }
  if (fields.has('quantization_config')) fields.refuse(`the weights are quantised ('quantization_config'): only f32, f16 and bf16 are supported`)
}

export function readDecoder(fields: Fields, defaults: DecoderDefaults): DecoderShape {
  refuseVariants(fields, defaults)
  const width = fields.count('hidden_size')
  return {
    vocabulary: fields.count('vocab_size'),
    width,
    hidden: fields.count('intermediate_size'),
    layers: fields.count('num_hidden_layers'),
    ...readHeads(fields, width),
    eps: fields.positive('rms_norm_eps'),
    theta: readTheta(fields, defaults.theta),
    isTied: fields.flag('tie_word_embeddings', false),
  }
}
