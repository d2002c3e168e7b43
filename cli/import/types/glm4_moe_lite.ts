/** GLM-4.7-Flash: the layers of DeepSeek-V3 with other defaults, and a list of the layers that are dense. */
import { latent } from '../attention/latent.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { deepseekV3Experts } from '../experts/deepseek.ts'
import { byMlpTypes } from '../experts/which-layers.ts'
import { beyondLayers } from '../names/ignorable.ts'

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
    feedForward: deepseekV3Experts(byMlpTypes(() => (i) => i < 1)),
  },
})
