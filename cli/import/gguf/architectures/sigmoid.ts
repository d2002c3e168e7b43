/** Grouped queries beside experts with sigmoid scores and a bias for the selection. */
import type { GgufArchitecture } from '../architecture.ts'
import { demandGate, demandNoScale, demandSumOfOne, experts, hidden, sigmoidExperts } from './experts.ts'

export const glm4moe: GgufArchitecture = {
  type: () => 'glm4_moe',
  rotates: 'half-split',
  norms: 'before',
  names: { 'ffn_norm.weight': 'post_attention_norm.weight' },
  rope: { rotated: (channels, size) => ({ partial_rotary_factor: channels / size }) },
  fields: (metadata) => ({
    ...sigmoidExperts(metadata),
    attention_bias: metadata.hasTensor('blk.0.attn_q.bias'),
    use_qk_norm: metadata.hasTensor('blk.0.attn_q_norm.weight'),
  }),
}

export const dots1: GgufArchitecture = {
  type: () => 'dots1',
  rotates: 'half-split',
  norms: 'before',
  // these files know no windows
  fields: (metadata) => ({ ...sigmoidExperts(metadata), sliding_window: null }),
}

export const exaoneMoe: GgufArchitecture = {
  type: () => 'exaone_moe',
  rotates: 'half-split',
  norms: 'before',
  fields: (metadata) => {
    const windows = metadata.flags('attention.sliding_window_pattern')
    return {
      ...sigmoidExperts(metadata, 'num_experts', 'num_shared_experts'),
      sliding_window: metadata.number('attention.sliding_window'),
      ...(windows === undefined
        ? {}
        : { layer_types: windows.map((isWindow) => (isWindow ? 'sliding_attention' : 'full_attention')) }),
    }
  },
}

export const minimaxM2: GgufArchitecture = {
  type: () => 'minimax_m2',
  rotates: 'half-split',
  norms: 'before',
  rope: { rotated: (channels) => ({ rotary_dim: channels }) },
  fields: (metadata) => {
    demandGate(metadata, 'sigmoid')
    demandNoScale(metadata)
    demandSumOfOne(metadata)
    metadata.skip('expert_feed_forward_length')
    return { ...hidden(metadata), ...experts(metadata, { count: 'num_local_experts' }) }
  },
}

/** Short convolutions in the layers without heads of keys. */
export const lfm2moe: GgufArchitecture = {
  type: () => 'lfm2_moe',
  rotates: 'half-split',
  norms: 'before',
  names: { 'output_norm.weight': 'token_embd_norm.weight' },
  epsilon: 'norm_eps',
  heads: (metadata) => {
    const groups = metadata.numbers('attention.head_count_kv') ?? []
    return {
      num_attention_heads: metadata.number('attention.head_count'),
      num_key_value_heads: groups.find((count) => count > 0),
      layer_types: groups.map((count) => (count > 0 ? 'full_attention' : 'conv')),
    }
  },
  fields: (metadata) => {
    demandGate(metadata, 'sigmoid')
    demandNoScale(metadata)
    demandSumOfOne(metadata)
    return {
      ...hidden(metadata),
      ...experts(metadata, { count: 'num_experts', width: 'moe_intermediate_size' }),
      num_dense_layers: metadata.number('leading_dense_block_count'),
      conv_L_cache: metadata.number('shortconv.l_cache'),
    }
  },
}
