/** Mistral: the layers of Llama with a window. */
import { groupedQueries } from '../attention/grouped.ts'
import { windowEverywhere } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'

export const mistral = decoderRow({
  type: 'mistral',
  architecture: 'MistralForCausalLM',
  doc: 'Mistral: a decoder with a SwiGLU network in every layer and a sliding window. Jiang et al., 2023, arXiv:2310.06825.',
  defaults: { rope_theta: 10_000, num_key_value_heads: 8, sliding_window: 4096 },
  parts: { attention: groupedQueries({ window: windowEverywhere }), feedForward: dense() },
})
