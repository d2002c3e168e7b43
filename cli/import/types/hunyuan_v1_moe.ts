/** Hunyuan-A13B: norms of each head after the rotary embedding, experts beside a shared one of their width. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { plainShared } from '../experts/shared.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const hunyuanV1Moe = decoderRow({
  type: 'hunyuan_v1_moe',
  architecture: 'HunYuanMoEV1ForCausalLM',
  doc: 'Hunyuan-A13B: norms of heads after the rotary embedding, experts beside a shared one. Tencent, 2025.',
  defaults: { rope_theta: 10_000, attention_bias: false, num_experts: 1, moe_topk: 1 },
  aliases: { num_experts_per_tok: 'moe_topk', num_local_experts: 'num_experts' },
  unused: [
    'num_shared_expert',
    'moe_intermediate_size',
    'use_mixed_mlp_moe',
    'use_cla',
    'cla_share_factor',
    'use_qk_norm',
    'moe_layer_num_skipped',
    'norm_type',
    'mlp_bias',
  ],
  parts: {
    attention: groupedQueries({
      biases: biasesEverywhere('attention_bias'),
      norms: 'head_after',
      names: { qNorm: 'self_attn.query_layernorm.weight', kNorm: 'self_attn.key_layernorm.weight' },
      rope: (_, { size }) => ({ alpha: (theta, alpha) => theta * alpha ** (size / (size - 2)) }),
    }),
    feedForward: routed({
      perToken: 'moe_topk',
      width: 'intermediate_size',
      names: QWEN_EXPERTS,
      router: topK({ gate: 'mlp.gate.wg.weight', renormalise: true }),
      shared: plainShared({
        width: (fields) => fields.count('intermediate_size', 'the parameter FS'),
        prefix: 'mlp.shared_mlp',
      }),
    }),
  },
})
