/** Phi-3.5-MoE: LayerNorm with biases, and two experts by the sparse mixer. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { windowEverywhere } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { layerNorm } from '../decoder/norm.ts'
import { routed } from '../experts/routed.ts'
import { MIXTRAL_EXPERTS, PHI_GATE } from '../names/experts.ts'
import { sparseMixer } from '../routers/top-k.ts'

export const phimoe = decoderRow({
  type: 'phimoe',
  architecture: 'PhimoeForCausalLM',
  doc: 'Phi-3.5-MoE: two experts a token by the sparse mixer. Liu et al., 2024, arXiv:2409.12136.',
  defaults: {
    rope_theta: 1e6,
    num_key_value_heads: 8,
    attention_bias: false,
    lm_head_bias: false,
    router_jitter_noise: 0.01,
  },
  unused: ['input_jitter_noise'],
  parts: {
    norm: layerNorm({ eps: 'rms_norm_eps', biases: true }),
    headBias: ({ fields }) => fields.flag('lm_head_bias', 'a bias of the head'),
    attention: groupedQueries({
      biases: biasesEverywhere('attention_bias'),
      window: windowEverywhere,
      rope: { kinds: ['default', 'longrope'], hasMagnitudes: true },
    }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: MIXTRAL_EXPERTS,
      router: sparseMixer(PHI_GATE),
    }),
  },
})
