/** DeepSeek-V2: latent attention, softmax over experts, of which groups may be chosen first. */
import { latent } from '../attention/latent.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { plainShared, sharedTimes } from '../experts/shared.ts'
import { denseFirst } from '../experts/which-layers.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { deepseekV2Router } from '../routers/groups.ts'

export const deepseekV2 = decoderRow({
  type: 'deepseek_v2',
  architecture: 'DeepseekV2ForCausalLM',
  doc: 'DeepSeek-V2: latent attention and fine-grained experts beside shared ones. DeepSeek-AI, 2024, arXiv:2405.04434.',
  defaults: {
    rope_theta: 10_000,
    topk_method: 'greedy',
    routed_scaling_factor: 1,
    first_k_dense_replace: 0,
    n_shared_experts: 2,
    q_lora_rank: 1536,
    attention_bias: false,
    mlp_bias: false,
  },
  aliases: { num_experts: 'n_routed_experts' },
  unused: ['norm_topk_prob', 'moe_layer_freq', 'scoring_func', 'ep_size', 'aux_loss_alpha', 'seq_aux'],
  parts: {
    attention: latent(),
    feedForward: mixed({
      dense: dense({ isBeside: true }),
      routed: routed({
        count: 'n_routed_experts',
        width: 'moe_intermediate_size',
        names: QWEN_EXPERTS,
        router: deepseekV2Router('mlp.gate.weight'),
        shared: plainShared({ width: sharedTimes('n_shared_experts'), prefix: 'mlp.shared_experts' }),
      }),
      isDense: denseFirst(),
    }),
  },
})
