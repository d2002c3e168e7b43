/** Qwen3: the layers of Llama with a norm of each head of queries and keys. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { windowAbove } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'

export const qwen3 = decoderRow({
  type: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  doc: 'Qwen3: a decoder with a SwiGLU network in every layer. Yang et al., 2025, arXiv:2505.09388.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 32,
    head_dim: 128,
    attention_bias: false,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  parts: {
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), norms: 'head', window: windowAbove }),
    feedForward: dense(),
  },
})
