/** Multi-head latent attention: queries, keys and values from rows of low rank. */
import type { Fields } from '../fields.ts'
import { mergedImports, type Context, type Make, type Sublayer, type Weights } from '../part.ts'
import { ropeText, yarnMagnitude } from '../rope-text.ts'
import { readRope, type Rope } from '../rope.ts'
import { refuseLayerTypes } from './window.ts'

export interface LatentOptions {
  /** Field that says whether neighbours are rotated as pairs; they are where it is absent. */
  readonly interleave?: string
}

interface Sizes {
  readonly heads: number
  readonly queryRank: number | null
  readonly rank: number
  readonly plain: number
  readonly rotated: number
  readonly width: number
}

function readSizes(fields: Fields): Sizes {
  const heads = fields.count('num_attention_heads', 'the heads of the attention')
  const groups = fields.optionalCount('num_key_value_heads', 'nothing: as many as heads') ?? heads
  const law = `'num_key_value_heads' is ${groups}, and 'num_attention_heads' ${heads}: heads of latent attention share no keys`
  fields.demand(groups === heads, ['num_key_value_heads', 'num_attention_heads'], law)
  for (const name of ['head_dim', 'qk_head_dim']) fields.skip(name, 'nothing: it follows from the sizes of parts')
  const sizes = {
    heads,
    queryRank: fields.optionalCount('q_lora_rank', 'the rank of the queries'),
    rank: fields.count('kv_lora_rank', 'the rank of keys and values'),
    plain: fields.count('qk_nope_head_dim', 'channels of a query and a key without positions'),
    rotated: fields.count('qk_rope_head_dim', 'channels of a query and a key that are rotated'),
    width: fields.count('v_head_dim', 'channels of a value'),
  }
  const pairs = `a part of ${sizes.rotated} numbers of a head cannot be rotated in pairs: 'qk_rope_head_dim' must be even`
  fields.demand(sizes.rotated % 2 === 0, ['qk_rope_head_dim'], pairs)
  return sizes
}

function weightsOf({ queryRank }: Sizes, hasBias: boolean): Weights {
  const queries: Weights =
    queryRank === null
      ? { q: 'q_proj.weight' }
      : { q_a: 'q_a_proj.weight', 'q_norm.weight': 'q_a_layernorm.weight', q_b: 'q_b_proj.weight' }
  const biases: Weights = hasBias
    ? {
        ...(queryRank === null ? {} : { q_a_bias: 'q_a_proj.bias' }),
        kv_a_bias: 'kv_a_proj_with_mqa.bias',
        o_bias: 'o_proj.bias',
      }
    : {}
  const all: Weights = {
    ...queries,
    kv_a: 'kv_a_proj_with_mqa.weight',
    'kv_norm.weight': 'kv_a_layernorm.weight',
    kv_b: 'kv_b_proj.weight',
    o: 'o_proj.weight',
    ...biases,
  }
  return Object.fromEntries(Object.entries(all).map(([path, name]) => [`attention.${path}`, `self_attn.${name}`]))
}

/** The factor on the scores grows with the square of the magnitude of all channels. */
function scaleText(
  { scaling }: Rope,
  { plain, rotated }: Sizes,
): { readonly arguments: readonly string[]; readonly names: readonly string[] } {
  if (scaling.kind !== 'yarn' || scaling.mscaleAllDim === null) return { arguments: [], names: [] }
  const magnitude = yarnMagnitude(scaling.factor, scaling.mscaleAllDim)
  return { arguments: [`scale = ${magnitude} * ${magnitude} / sqrt(${plain} + ${rotated})`], names: ['yarn_magnitude'] }
}

export const latent =
  ({ interleave }: LatentOptions = {}): Make<Sublayer> =>
  (context: Context) => {
    const { fields } = context
    const sizes = readSizes(fields)
    refuseLayerTypes(context)
    const rope = readRope(fields, { kinds: ['default', 'linear', 'llama3', 'dynamic', 'yarn'] })
    const rotary = ropeText(rope, sizes.rotated / 2)
    const scale = scaleText(rope, sizes)
    const isInterleaved = interleave === undefined || fields.flag(interleave, 'whether neighbours are rotated as pairs')
    const hasBias = fields.flag('attention_bias', 'biases of the projections to low rank and of the output')
    const list = [
      `heads = ${sizes.heads}`,
      ...(sizes.queryRank === null ? [] : [`q_rank = ${sizes.queryRank}`]),
      `kv_rank = ${sizes.rank}`,
      `plain = ${sizes.plain}`,
      `rotated = ${sizes.rotated}`,
      `width = ${sizes.width}`,
      ...rotary.arguments,
      ...(isInterleaved ? [] : ['interleaved = false']),
      ...scale.arguments,
      ...(hasBias ? ['biases = true'] : []),
    ].join(', ')
    return {
      imports: mergedImports([
        { 'blocks/latent_attention': ['latent_attention'] },
        rotary.imports,
        scale.names.length > 0 ? { 'blocks/rope': scale.names } : {},
      ]),
      parameters: [],
      weights: weightsOf(sizes, hasBias),
      label: 'attention',
      namesInput: true,
      isChoice: false,
      lines: (input) => [`latent_attention(${input}, ${list}) as attention`],
    }
  }
