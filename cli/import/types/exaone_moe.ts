/** K-EXAONE: windows with rotary embeddings in most layers, full attention without positions in the others. */
import { groupedQueries } from '../attention/grouped.ts'
import { windowByPattern } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { plainShared, sharedTimes } from '../experts/shared.ts'
import { byMlpTypes, denseFirst } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { furtherTokens } from '../names/ignorable.ts'
import { deepseekV3Router } from '../routers/groups.ts'

export const exaoneMoe = decoderRow({
  type: 'exaone_moe',
  architecture: 'ExaoneMoeForCausalLM',
  doc: 'K-EXAONE: windows with rotary embeddings, full layers without, experts as in DeepSeek-V3. LG AI Research, 2026.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 32,
    sliding_window: 4096,
    sliding_window_pattern: 4,
    first_k_dense_replace: 1,
    num_shared_experts: 1,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
  },
  ignorable: furtherTokens,
  parts: {
    attention: groupedQueries({ norms: 'head', window: windowByPattern, rotatesInWindows: true }),
    feedForward: mixed({
      dense: dense({ isBeside: true }),
      routed: routed({
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: deepseekV3Router({
          gate: 'mlp.gate.weight',
          bias: { hub: 'mlp.e_score_correction_bias', fused: 'mlp.gate.e_score_correction_bias' },
          renormalise: 'norm_topk_prob',
        }),
        shared: plainShared({ width: sharedTimes('num_shared_experts'), prefix: 'mlp.shared_experts' }),
      }),
      isDense: byMlpTypes(denseFirst()),
    }),
  },
})
