/** What the decoders of these architectures have in common, read from the config: sizes, rotary embedding, activation, head. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import { shown, type Fields } from './fields.ts'
import { readRope, type Rope } from './rope.ts'

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
  readonly rope: Rope
  /** Whether attention is causal. */
  readonly isCausal: boolean
  readonly isTied: boolean
}

export interface DecoderDefaults {
  readonly architecture: string
  /** Base of the rotary embedding where the config names none. */
  readonly theta: number
  /**
   * The default number of key-value heads if the config lacks the field; null means as many as query heads, as does null in the
   * config.
   */
  readonly groups: number | null
}

function readHeads(
  fields: Fields,
  width: number,
  defaults: DecoderDefaults,
): Pick<DecoderShape, 'heads' | 'groups' | 'headSize'> {
  const heads = fields.count('num_attention_heads')
  const isAbsent = !fields.names.includes('num_key_value_heads')
  const groups = fields.count('num_key_value_heads', isAbsent ? (defaults.groups ?? heads) : heads)
  const isGiven = fields.has('head_dim')
  const size = isGiven ? fields.count('head_dim') : width / heads
  const between = ['hidden_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim']
  fields.demand(
    heads % groups === 0,
    between,
    `'num_key_value_heads' (${groups}) does not divide 'num_attention_heads' (${heads})`,
  )
  fields.demand(Number.isInteger(size), between, `'num_attention_heads' (${heads}) does not divide 'hidden_size' (${width})`)
  fields.demand(size % 2 !== 1, between, `a head of ${size} numbers cannot be rotated in pairs: its size must be even`)
  return { heads, groups, headSize: size === width / heads ? null : size }
}

function refuseVariants(fields: Fields, { architecture }: DecoderDefaults): void {
  const activation = fields.text('hidden_act', 'silu')
  if (activation !== 'silu' && activation !== 'swish')
    fields.refuse(`'hidden_act' is '${cut(activation)}': only 'silu' is supported`)
  // the older name of the field
  const other = fields.list('layer_types').find((type) => type !== 'full_attention' && type !== 'attention')
  if (other !== undefined) fields.refuse(`'layer_types' names ${shown(other)}: only 'full_attention' in every layer is supported`)
  const architectures = fields.list('architectures')
  if (architectures.length > 0 && !architectures.includes(architecture)) {
    fields.refuse(`'architectures' is ${shown(architectures)}: only ${architecture}, with its language-model head, is supported`)
  }
  if (fields.has('quantization_config'))
    fields.refuse(`the weights are quantised ('quantization_config'): only f32, f16 and bf16 are supported`)
}

export function readDecoder(fields: Fields, defaults: DecoderDefaults): DecoderShape {
  refuseVariants(fields, defaults)
  const width = fields.count('hidden_size')
  return {
    vocabulary: fields.count('vocab_size'),
    width,
    hidden: fields.count('intermediate_size'),
    layers: fields.count('num_hidden_layers'),
    ...readHeads(fields, width, defaults),
    eps: fields.positive('rms_norm_eps'),
    rope: readRope(fields, defaults.theta),
    isCausal: fields.flag('is_causal', true),
    isTied: fields.flag('tie_word_embeddings', false),
  }
}
