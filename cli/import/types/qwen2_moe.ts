/** Qwen1.5-MoE and Qwen2-MoE: fine-grained experts beside a shared one with a sigmoid gate; some layers may be dense. */
import { groupedQueries, queryBiases } from '../attention/grouped.ts'
import { windowEveryOther } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { gatedShared } from '../experts/shared.ts'
import { sparseSteps } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const qwen2Moe = decoderRow({
  type: 'qwen2_moe',
  architecture: 'Qwen2MoeForCausalLM',
  doc: 'Qwen2-MoE: fine-grained experts and a shared one behind a gate of its own. Yang et al., 2024, arXiv:2407.10671.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 16,
    qkv_bias: true,
    norm_topk_prob: false,
    decoder_sparse_step: 1,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  aliases: { num_local_experts: 'num_experts' },
  parts: {
    attention: groupedQueries({ biases: queryBiases('qkv_bias'), window: windowEveryOther }),
    feedForward: mixed({
      dense: dense({ isBeside: true }),
      routed: routed({
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: topK({ gate: 'mlp.gate.weight', renormalise: 'norm_topk_prob' }),
        shared: gatedShared('shared_expert_intermediate_size'),
      }),
      isDense: sparseSteps,
    }),
  },
})
