/** LFM2: short convolutions in most layers, attention in the others, sigmoid scores with a bias for the selection. */
import { convolutionOr } from '../attention/convolution.ts'
import { groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { rmsNorm } from '../decoder/norm.ts'
import { dense } from '../experts/dense.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { denseFirst } from '../experts/which-layers.ts'
import { LFM2_EXPERTS } from '../names/experts.ts'
import { biasedSigmoid } from '../routers/groups.ts'

export const lfm2Moe = decoderRow({
  type: 'lfm2_moe',
  architecture: 'Lfm2MoeForCausalLM',
  doc: 'LFM2: gated short convolutions beside attention, and fine-grained experts. Liquid AI, 2025, arXiv:2511.23404.',
  defaults: {
    rope_theta: 1e6,
    norm_eps: 1e-5,
    num_key_value_heads: 8,
    tie_word_embeddings: true,
    conv_bias: false,
    conv_L_cache: 3,
    num_dense_layers: 2,
    use_expert_bias: true,
    norm_topk_prob: true,
    routed_scaling_factor: 1,
  },
  aliases: { tie_embedding: 'tie_word_embeddings' },
  parts: {
    norm: rmsNorm('norm_eps'),
    names: { finalNorm: 'model.embedding_norm', attentionNorm: 'operator_norm', feedForwardNorm: 'ffn_norm' },
    attention: convolutionOr(
      groupedQueries({
        norms: 'head',
        window: () => null,
        names: {
          o: 'self_attn.out_proj.weight',
          qNorm: 'self_attn.q_layernorm.weight',
          kNorm: 'self_attn.k_layernorm.weight',
        },
      }),
    ),
    feedForward: mixed({
      dense: dense({
        isBeside: true,
        names: { gate: 'feed_forward.w1', up: 'feed_forward.w3', down: 'feed_forward.w2' },
      }),
      routed: routed({
        width: 'moe_intermediate_size',
        names: LFM2_EXPERTS,
        router: biasedSigmoid({
          gate: 'feed_forward.gate.weight',
          bias: 'feed_forward.expert_bias',
          hasBias: 'use_expert_bias',
          renormalise: 'norm_topk_prob',
          added: 1e-6,
          scale: 'routed_scaling_factor',
        }),
      }),
      isDense: denseFirst('num_dense_layers'),
    }),
  },
})
