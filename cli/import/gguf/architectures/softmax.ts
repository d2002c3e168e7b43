/** Grouped queries beside experts with softmax scores, and laws of their own. */
import type { GgufArchitecture } from '../architecture.ts'
import type { Metadata } from '../metadata.ts'
import { demandGate, demandNoScale, demandSumOfOne, experts, hidden } from './experts.ts'

function demandWeights(metadata: Metadata): void {
  demandGate(metadata, 'softmax')
  demandNoScale(metadata)
  demandSumOfOne(metadata)
}

export const ernie45Moe: GgufArchitecture = {
  type: () => 'ernie4_5_moe',
  // the model rotates adjacent channels, in the order of the hub
  rotates: 'half-split',
  norms: 'before',
  fields: (metadata) => {
    demandWeights(metadata)
    // a number that no reader uses for the shapes
    metadata.skip('expert_shared_feed_forward_length')
    return {
      ...hidden(metadata),
      ...experts(metadata, { count: 'moe_num_experts', perToken: 'moe_k', width: 'moe_intermediate_size' }),
      moe_num_shared_experts: metadata.number('expert_shared_count') ?? 0,
      moe_layer_interval: metadata.number('interleave_moe_layer_step'),
      moe_layer_start_index: metadata.number('leading_dense_block_count'),
    }
  },
}

export const hunyuanMoe: GgufArchitecture = {
  type: () => 'hunyuan_v1_moe',
  rotates: 'half-split',
  norms: 'before',
  fields: (metadata) => {
    demandWeights(metadata)
    const width = metadata.number('feed_forward_length')
    for (const key of ['expert_feed_forward_length', 'expert_shared_feed_forward_length']) {
      const other = metadata.number(key) ?? width
      if (other !== width)
        metadata.refuse(`'${metadata.architecture}.${key}' is ${other}: all experts have the width ${width} here`)
    }
    const shared = metadata.number('expert_shared_count') ?? 1
    if (shared !== 1) metadata.refuse(`'${metadata.architecture}.expert_shared_count' is ${shared}: there is one here`)
    return { intermediate_size: width, ...experts(metadata, { count: 'num_experts', perToken: 'moe_topk' }) }
  },
}

/** The rows of queries, keys and values are one tensor. */
export const dbrx: GgufArchitecture = {
  type: () => 'dbrx',
  rotates: 'half-split',
  norms: 'before',
  names: {
    'ffn_norm.weight': 'attn_output_norm.weight',
    'attn_q.weight': 'attn_qkv.weight[0:H * C]',
    'attn_k.weight': 'attn_qkv.weight[H * C:H * C + G * C]',
    'attn_v.weight': 'attn_qkv.weight[H * C + G * C:H * C + 2 * G * C]',
  },
  epsilon: null,
  heads: (metadata) => ({ n_heads: metadata.number('attention.head_count') }),
  fields: (metadata) => {
    demandWeights(metadata)
    const epsilon = metadata.number('attention.layer_norm_epsilon') ?? EPSILON
    if (Math.fround(EPSILON) !== Math.fround(epsilon))
      metadata.refuse(`'dbrx.attention.layer_norm_epsilon' is ${epsilon}: it is ${EPSILON} in every model`)
    return {
      hidden_size: undefined,
      num_hidden_layers: undefined,
      max_position_embeddings: undefined,
      d_model: metadata.number('embedding_length'),
      n_layers: metadata.number('block_count'),
      max_seq_len: metadata.number('context_length'),
      attn_config: {
        kv_n_heads: metadata.number('attention.head_count_kv'),
        clip_qkv: metadata.number('attention.clamp_kqv') ?? null,
        // the class asks for it, and computes with the one beside the group
        rope_theta: metadata.number('rope.freq_base'),
      },
      ffn_config: {
        ffn_hidden_size: metadata.number('feed_forward_length'),
        moe_num_experts: metadata.number('expert_count'),
        moe_top_k: metadata.number('expert_used_count'),
      },
    }
  },
}

const EPSILON = 1e-5
