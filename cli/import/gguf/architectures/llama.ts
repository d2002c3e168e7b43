/** Llama and Mixtral, which share a name. */
import type { GgufArchitecture } from '../architecture.ts'
import { demandGate, demandNoScale, experts, hidden } from './experts.ts'

export const llama: GgufArchitecture = {
  type: (metadata) => ((metadata.number('expert_count') ?? 0) > 0 ? 'mixtral' : 'llama'),
  rotates: 'interleaved',
  norms: 'before',
  fields: (metadata) => {
    if ((metadata.number('expert_count') ?? 0) === 0) {
      metadata.skip('expert_used_count')
      return {
        ...hidden(metadata),
        attention_bias: metadata.hasTensor('blk.0.attn_q.bias'),
        mlp_bias: metadata.hasTensor('blk.0.ffn_gate.bias'),
      }
    }
    demandGate(metadata, 'softmax')
    demandNoScale(metadata)
    return { ...hidden(metadata), ...experts(metadata, { count: 'num_local_experts' }) }
  },
}
