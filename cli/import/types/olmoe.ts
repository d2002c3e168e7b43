/** OLMoE: attention with norms on whole queries and keys, clipped where the config says so, and routed SwiGLU experts. */
import { biasesEverywhere, clipOf, groupedQueries } from '../attention/grouped.ts'
import { derivedSize } from '../attention/heads.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const olmoe = decoderRow({
  type: 'olmoe',
  architecture: 'OlmoeForCausalLM',
  doc: 'OLMoE: many small SwiGLU experts in every layer. Muennighoff et al., 2024, arXiv:2409.02060.',
  defaults: { rope_theta: 10_000, attention_bias: false, norm_topk_prob: false },
  aliases: { num_local_experts: 'num_experts' },
  parts: {
    attention: groupedQueries({
      biases: biasesEverywhere('attention_bias'),
      norms: 'row',
      clip: clipOf('clip_qkv'),
      law: derivedSize,
    }),
    feedForward: routed({
      width: 'intermediate_size',
      names: QWEN_EXPERTS,
      router: topK({ gate: 'mlp.gate.weight', renormalise: 'norm_topk_prob' }),
    }),
  },
})
