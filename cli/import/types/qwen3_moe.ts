/** Qwen3-MoE: fine-grained experts without a shared one, norms of each head of queries and keys; some layers may be dense. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { windowIfUsed } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { sparseSteps } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const qwen3Moe = decoderRow({
  type: 'qwen3_moe',
  architecture: 'Qwen3MoeForCausalLM',
  doc: 'Qwen3-MoE: fine-grained experts without a shared one. Yang et al., 2025, arXiv:2505.09388.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 4,
    attention_bias: false,
    norm_topk_prob: false,
    decoder_sparse_step: 1,
    use_sliding_window: false,
    sliding_window: 4096,
  },
  aliases: { num_local_experts: 'num_experts' },
  unused: ['max_window_layers'],
  parts: {
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), norms: 'head', window: windowIfUsed }),
    feedForward: mixed({
      dense: dense({ isBeside: true }),
      routed: routed({
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: topK({ gate: 'mlp.gate.weight', renormalise: 'norm_topk_prob' }),
      }),
      isDense: sparseSteps,
    }),
  },
})
