/** Qwen2: the layers of Llama with biases of queries, keys and values. */
import { groupedQueries } from '../attention/grouped.ts'
import { windowAbove } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'

export const qwen2 = decoderRow({
  type: 'qwen2',
  architecture: 'Qwen2ForCausalLM',
  doc: 'Qwen2: a decoder with a SwiGLU network in every layer. Yang et al., 2024, arXiv:2407.10671.',
  defaults: {
    rope_theta: 10_000,
    num_key_value_heads: 32,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  parts: {
    attention: groupedQueries({ biases: () => ({ queries: true, output: false }), window: windowAbove }),
    feedForward: dense(),
  },
})
