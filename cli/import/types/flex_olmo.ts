/** FlexOlmo: the layers of OLMoE with norms after attention and experts in the place of those before. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const flexOlmo = decoderRow({
  type: 'flex_olmo',
  architecture: 'FlexOlmoForCausalLM',
  doc: 'FlexOlmo: experts that were trained apart, with norms after each sublayer. Shi et al., 2025, arXiv:2507.07024.',
  defaults: { rope_theta: 500_000, attention_bias: false, norm_topk_prob: false },
  aliases: { num_local_experts: 'num_experts' },
  parts: {
    norms: 'after',
    names: { attentionNorm: 'post_attention_layernorm', feedForwardNorm: 'post_feedforward_layernorm' },
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), norms: 'row' }),
    feedForward: routed({
      width: 'intermediate_size',
      names: QWEN_EXPERTS,
      router: topK({ gate: 'mlp.gate.weight', renormalise: 'norm_topk_prob' }),
    }),
  },
})
