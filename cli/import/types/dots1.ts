/** dots.llm1: the experts of DeepSeek-V3 with grouped queries and norms of each head. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { windowFromLayer } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { deepseekV3Experts } from '../experts/deepseek.ts'
import { denseFirst } from '../experts/which-layers.ts'

export const dots1 = decoderRow({
  type: 'dots1',
  architecture: 'Dots1ForCausalLM',
  doc: 'dots.llm1: grouped queries with norms of each head, experts as in DeepSeek-V3. Huo et al., 2025, arXiv:2506.05767.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 32,
    attention_bias: false,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: false,
    routed_scaling_factor: 1,
    first_k_dense_replace: 0,
    sliding_window: 4096,
    max_window_layers: 62,
  },
  aliases: { num_local_experts: 'n_routed_experts' },
  unused: ['scoring_func', 'moe_layer_freq', 'use_sliding_window', 'topk_method'],
  parts: {
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), norms: 'head', window: windowFromLayer }),
    feedForward: deepseekV3Experts(denseFirst()),
  },
})
