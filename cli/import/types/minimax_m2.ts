/** MiniMax-M2: partly rotated heads, norms of whole queries and keys, sigmoid scores with a bias for the selection. */
import { groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { MIXTRAL_EXPERTS, MIXTRAL_GATE } from '../names/experts.ts'
import { biasedSigmoid } from '../routers/groups.ts'

export const minimaxM2 = decoderRow({
  type: 'minimax_m2',
  architecture: 'MiniMaxM2ForCausalLM',
  doc: 'MiniMax-M2: partly rotated heads and experts by sigmoid scores with a bias for balance. MiniMax, 2025.',
  defaults: { rope_theta: 5e6, num_key_value_heads: 8, head_dim: 128 },
  aliases: { num_experts: 'num_local_experts' },
  unused: ['scoring_func', 'use_routing_bias', 'use_mtp', 'num_mtp_modules', 'mtp_transformer_layers', 'router_jitter_noise'],
  parts: {
    attention: groupedQueries({
      norms: 'row',
      rope: (_, { size }) => ({ isPartial: true, rotated: { field: 'rotary_dim', size } }),
    }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: MIXTRAL_EXPERTS,
      router: biasedSigmoid({
        gate: MIXTRAL_GATE,
        bias: { hub: 'block_sparse_moe.e_score_correction_bias', fused: 'mlp.e_score_correction_bias' },
        renormalise: true,
      }),
    }),
  },
})
