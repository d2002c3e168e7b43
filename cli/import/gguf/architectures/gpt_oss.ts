/** gpt-oss: windows in every other layer, as the hub has them. */
import type { GgufArchitecture } from '../architecture.ts'
import { demandGate, demandNoScale, experts } from './experts.ts'

export const gptOss: GgufArchitecture = {
  type: () => 'gpt_oss',
  rotates: 'half-split',
  norms: 'before',
  names: { 'ffn_norm.weight': 'post_attention_norm.weight' },
  rope: { truncate: false },
  fields: (metadata) => {
    demandGate(metadata, 'softmax of the chosen')
    demandNoScale(metadata)
    metadata.skip('feed_forward_length')
    return {
      ...experts(metadata, { count: 'num_local_experts', width: 'intermediate_size' }),
      attention_bias: metadata.hasTensor('blk.0.attn_q.bias'),
      sliding_window: metadata.number('attention.sliding_window'),
    }
  },
}
