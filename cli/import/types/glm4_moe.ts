/** GLM-4.5: the experts of DeepSeek-V3 with grouped queries and half of each head rotated. */
import { groupedQueries, queryBiases } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { deepseekV3Experts } from '../experts/deepseek.ts'
import { denseFirst } from '../experts/which-layers.ts'
import { beyondLayers } from '../names/ignorable.ts'

export const glm4Moe = decoderRow({
  type: 'glm4_moe',
  architecture: 'Glm4MoeForCausalLM',
  doc: 'GLM-4.5: grouped queries, partly rotated heads, experts as in DeepSeek-V3. GLM-4.5 Team, 2025, arXiv:2508.06471.',
  defaults: {
    rope_theta: 10_000,
    partial_rotary_factor: 0.5,
    num_key_value_heads: 8,
    attention_bias: false,
    use_qk_norm: false,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 1,
    first_k_dense_replace: 1,
    n_shared_experts: 1,
  },
  aliases: { num_local_experts: 'n_routed_experts' },
  unused: ['num_nextn_predict_layers'],
  ignorable: beyondLayers,
  parts: {
    attention: groupedQueries({
      biases: queryBiases('attention_bias'),
      norms: (fields) => (fields.flag('use_qk_norm', 'whether each head of queries and keys is normed') ? 'head' : 'none'),
      rope: { isPartial: true },
    }),
    feedForward: deepseekV3Experts(denseFirst()),
  },
})
