/** DeepSeek-V2 and -V3, which share a name: latent attention. */
import type { Config, GgufArchitecture } from '../architecture.ts'
import type { Metadata } from '../metadata.ts'
import { experts, hidden, sigmoidExperts } from './experts.ts'

const isV3 = (metadata: Metadata): boolean => metadata.number('expert_gating_func') === 2

/** Sizes of heads before they are compressed; newer files have those of the compressed ones under the plain keys. */
function latentHeads(metadata: Metadata): Config {
  for (const key of ['key_length_mla', 'value_length_mla']) {
    if (metadata.hasTensor('blk.0.attn_k_b.weight') && metadata.number(`attention.${key}`) === undefined)
      metadata.refuse(`'deepseek2.attention.${key}' is missing: it says the size of a head beside 'blk.0.attn_k_b.weight'`)
  }
  const size = (key: string): number | undefined => {
    const [plain, decompressed] = [metadata.number(`attention.${key}`), metadata.number(`attention.${key}_mla`)]
    return decompressed ?? plain
  }
  const [heads, keys, rotated] = [
    metadata.number('attention.head_count'),
    size('key_length'),
    metadata.number('rope.dimension_count'),
  ]
  metadata.skip('attention.head_count_kv')
  return {
    num_attention_heads: heads,
    num_key_value_heads: heads,
    q_lora_rank: metadata.number('attention.q_lora_rank') ?? null,
    kv_lora_rank: metadata.number('attention.kv_lora_rank'),
    qk_rope_head_dim: rotated,
    qk_nope_head_dim: keys === undefined || rotated === undefined ? undefined : keys - rotated,
    v_head_dim: size('value_length'),
  }
}

function groupedSigmoid(metadata: Metadata): Config {
  const groups = metadata.number('expert_group_count')
  if (groups === undefined)
    metadata.refuse("'deepseek2.expert_group_count' is missing: it says how many groups of experts there are")
  return { ...sigmoidExperts(metadata), n_group: groups, topk_group: metadata.number('expert_group_used_count') }
}

/** One group: no key says how groups are chosen. */
function softmax(metadata: Metadata): Config {
  const groups = metadata.number('expert_group_count') ?? 1
  metadata.skip('expert_group_used_count', 'expert_shared_feed_forward_length')
  if (groups > 1) metadata.refuse(`'deepseek2.expert_group_count' is ${groups}: one group is supported beside a softmax`)
  if (metadata.flag('expert_weights_norm') === true)
    metadata.refuse("'deepseek2.expert_weights_norm' is true: weights that sum to 1 are not supported beside a softmax")
  metadata.number('expert_gating_func')
  return {
    ...hidden(metadata),
    ...experts(metadata, { count: 'n_routed_experts', width: 'moe_intermediate_size' }),
    n_shared_experts: metadata.number('expert_shared_count') ?? 0,
    first_k_dense_replace: metadata.number('leading_dense_block_count') ?? 0,
    routed_scaling_factor: metadata.number('expert_weights_scale') ?? 1,
    topk_method: 'greedy',
  }
}

export const deepseek2: GgufArchitecture = {
  type: (metadata) => (isV3(metadata) ? 'deepseek_v3' : 'deepseek_v2'),
  // the model rotates adjacent channels, in the order of the hub
  rotates: 'half-split',
  norms: 'before',
  names: { 'attn_q_norm.weight': 'attn_q_a_norm.weight' },
  heads: latentHeads,
  rope: { rotated: () => ({}), hasLogFactor: true },
  hasGroups: true,
  fields: (metadata) => (isV3(metadata) ? groupedSigmoid(metadata) : softmax(metadata)),
}
