/** Llama: grouped-query attention and one SwiGLU network a layer. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { dense } from '../experts/dense.ts'

export const llama = decoderRow({
  type: 'llama',
  architecture: 'LlamaForCausalLM',
  doc: 'Llama: a decoder with a SwiGLU network in every layer. Touvron et al., 2023, arXiv:2302.13971.',
  defaults: { rope_theta: 10_000, attention_bias: false, mlp_bias: false },
  parts: {
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias') }),
    feedForward: dense({ biases: (fields) => fields.flag('mlp_bias', 'biases of the networks') }),
  },
})
