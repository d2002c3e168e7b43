/** ERNIE 4.5: neighbours rotated as pairs, probabilities with a bias for the selection. */
import { groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { plainShared, sharedTimes } from '../experts/shared.ts'
import { ernieLayers } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { ernieRouter } from '../routers/groups.ts'

export const ernie45Moe = decoderRow({
  type: 'ernie4_5_moe',
  architecture: 'Ernie4_5_MoeForCausalLM',
  doc: 'ERNIE 4.5: fine-grained experts beside shared ones, a bias for balance. Baidu, 2025.',
  defaults: {
    rope_theta: 500_000,
    num_key_value_heads: 4,
    tie_word_embeddings: true,
    moe_num_shared_experts: 2,
    moe_layer_start_index: 1,
    moe_layer_interval: 1,
    moe_norm_min: 1e-12,
    use_bias: false,
  },
  aliases: { num_experts: 'moe_num_experts', num_experts_per_tok: 'moe_k' },
  parts: {
    attention: groupedQueries({
      isInterleaved: true,
      law: (fields) => {
        if (fields.flag('use_bias', 'biases of all projections')) fields.refuseValue('use_bias', 'shared experts have no biases')
      },
    }),
    feedForward: mixed({
      dense: dense({ isBeside: true }),
      routed: routed({
        count: 'moe_num_experts',
        perToken: 'moe_k',
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: ernieRouter('mlp.gate.weight', {
          hub: 'mlp.moe_statics.e_score_correction_bias[0]',
          fused: 'mlp.gate.moe_statics.e_score_correction_bias[0]',
        }),
        shared: plainShared({ width: sharedTimes('moe_num_shared_experts'), prefix: 'mlp.shared_experts' }),
      }),
      isDense: ernieLayers,
    }),
  },
})
