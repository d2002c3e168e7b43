/** DeepSeek-V3, and Kimi K2 and Moonlight in its layout: latent attention, groups of experts, a bias for the selection. */
import { latent } from '../attention/latent.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { deepseekV3Experts } from '../experts/deepseek.ts'
import { denseFirst } from '../experts/which-layers.ts'
import { beyondLayers } from '../names/ignorable.ts'

export const deepseekV3 = decoderRow({
  type: 'deepseek_v3',
  architecture: 'DeepseekV3ForCausalLM',
  doc: 'DeepSeek-V3: latent attention, fine-grained experts in groups, a bias for balance. DeepSeek-AI, 2024, arXiv:2412.19437.',
  defaults: {
    rope_theta: 10_000,
    n_group: 8,
    topk_group: 4,
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
    first_k_dense_replace: 3,
    n_shared_experts: 1,
    q_lora_rank: 1536,
    rope_interleave: true,
    attention_bias: false,
  },
  aliases: { num_local_experts: 'n_routed_experts' },
  unused: ['num_nextn_predict_layers', 'moe_layer_freq', 'scoring_func', 'topk_method', 'ep_size', 'aux_loss_alpha', 'seq_aux'],
  ignorable: beyondLayers,
  parts: {
    attention: latent({ interleave: 'rope_interleave' }),
    feedForward: deepseekV3Experts(denseFirst()),
  },
})
