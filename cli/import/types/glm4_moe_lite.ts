/** GLM-4.7-Flash: the layers of DeepSeek-V3 with other defaults, and a list of the layers that are dense. */
import { latent } from '../attention/latent.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { plainShared, sharedTimes } from '../experts/shared.ts'
import { byMlpTypes } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { beyondLayers } from '../names/ignorable.ts'
import { deepseekV3Router } from '../routers/groups.ts'

export const glm4MoeLite = decoderRow({
  type: 'glm4_moe_lite',
  architecture: 'Glm4MoeLiteForCausalLM',
  doc: 'GLM-4 MoE Lite: latent attention and experts as in DeepSeek-V3. GLM-4.5 Team, 2025, arXiv:2508.06471.',
  defaults: {
    rope_theta: 10_000,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 1.8,
    n_shared_experts: 1,
    q_lora_rank: 768,
    rope_interleave: true,
    attention_bias: false,
  },
  aliases: { num_local_experts: 'n_routed_experts' },
  unused: ['num_nextn_predict_layers', 'first_k_dense_replace', 'topk_method'],
  ignorable: beyondLayers,
  parts: {
    attention: latent({ interleave: 'rope_interleave' }),
    feedForward: mixed({
      dense: dense({ parameter: 'FD' }),
      routed: routed({
        count: 'n_routed_experts',
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: deepseekV3Router({
          gate: 'mlp.gate.weight',
          bias: 'mlp.gate.e_score_correction_bias',
          renormalise: 'norm_topk_prob',
        }),
        shared: plainShared({ width: sharedTimes('n_shared_experts'), prefix: 'mlp.shared_experts' }),
      }),
      isDense: byMlpTypes(() => (i) => i < 1),
    }),
  },
})
