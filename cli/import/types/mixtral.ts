/** Mixtral: the layers of Mistral with experts in the place of the network. */
import { groupedQueries } from '../attention/grouped.ts'
import { windowEverywhere } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { MIXTRAL_EXPERTS, MIXTRAL_GATE } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const mixtral = decoderRow({
  type: 'mixtral',
  architecture: 'MixtralForCausalLM',
  doc: 'Mixtral: a sparse mixture of SwiGLU experts in every layer. Jiang et al., 2024, arXiv:2401.04088.',
  defaults: { rope_theta: 1e6, num_key_value_heads: 8 },
  aliases: { num_experts: 'num_local_experts' },
  unused: ['router_jitter_noise'],
  parts: {
    attention: groupedQueries({ window: windowEverywhere }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: MIXTRAL_EXPERTS,
      router: topK({ gate: MIXTRAL_GATE, renormalise: true }),
    }),
  },
})
