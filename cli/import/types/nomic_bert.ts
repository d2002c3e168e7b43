/** Nomic Embed: an encoder for embeddings, with experts in every other layer, whose weights do not sum to 1. */
import { groupedQueries } from '../attention/grouped.ts'
import { layerNorm } from '../decoder/norm.ts'
import { encoderRow } from '../encoder/encoder.ts'
import { dense, gelu } from '../experts/dense.ts'
import { demandGelu } from '../experts/activation.ts'
import { mixed } from '../experts/mixed.ts'
import { routed } from '../experts/routed.ts'
import { everySecondOf } from '../experts/which-layers.ts'
import type { Fields } from '../fields.ts'
import { NOMIC_EXPERTS } from '../names/experts.ts'
import type { PlainRope } from '../rope.ts'
import { topK } from '../routers/top-k.ts'

const WQKV = 'attn.Wqkv.weight'
const ACTIVATION = 'activation_function'

function readRope(fields: Fields): PlainRope {
  const share = fields.positive('rotary_emb_fraction', 'the share of a head that is rotated')
  if (share !== 1) fields.refuseValue('rotary_emb_fraction', 'only heads rotated in full are supported')
  return { theta: fields.positive('rotary_emb_base', 'the base of the rotary embedding'), scaling: { kind: 'none' }, share: 1 }
}

/** Flags that say what this encoder always is. */
const ALWAYS: Readonly<Record<string, boolean>> = { causal: false, mlp_fc1_bias: true, mlp_fc2_bias: true }

function demandFlags(fields: Fields): void {
  for (const [name, value] of Object.entries(ALWAYS)) {
    if (fields.flag(name, `nothing: it is always ${value}`) !== value) fields.refuseValue(name, `only ${value} is supported`)
  }
}

export const nomicBert = encoderRow({
  type: 'nomic_bert',
  architecture: 'NomicBertModel',
  doc: 'Nomic Embed: an encoder with experts in every other layer. Nussbaum and Duderstadt, 2025, arXiv:2502.07972.',
  defaults: {},
  unused: [
    'n_positions',
    'max_trained_positions',
    'moe_resid_pdrop',
    'fused_bias_fc',
    'fused_dropout_add_ln',
    'use_flash_attn',
    'use_xentropy',
    'moe_impl',
    'dense_seq_output',
    'last_layer_subset',
    'pad_vocab_to_multiple_of',
    'reorder_and_upcast_attn',
    'auto_map',
    'summary_activation',
    'summary_first_dropout',
    'summary_proj_to_labels',
    'summary_type',
    'summary_use_proj',
    'tie_word_embeddings',
  ],
  parts: {
    norm: layerNorm({ eps: 'layer_norm_epsilon', biases: true }),
    names: {
      embedding: 'embeddings.word_embeddings.weight',
      kinds: 'embeddings.token_type_embeddings.weight',
      embeddingNorm: 'emb_ln',
      layer: 'encoder.layers.{i}',
      attentionNorm: 'norm1',
      feedForwardNorm: 'norm2',
      vocabulary: 'vocab_size',
      numKinds: 'type_vocab_size',
      width: 'n_embd',
      layers: 'n_layer',
    },
    attention: groupedQueries({
      fields: { width: 'n_embd', heads: 'n_head' },
      law: demandFlags,
      plainRope: readRope,
      isBidirectional: true,
      biases: (fields) => {
        const has = fields.flag('qkv_proj_bias', 'biases of queries, keys, values and output')
        return { queries: has, output: has }
      },
      names: {
        q: `${WQKV}[0:D]`,
        k: `${WQKV}[D:2 * D]`,
        v: `${WQKV}[2 * D:3 * D]`,
        o: 'attn.out_proj.weight',
      },
    }),
    feedForward: mixed({
      dense: dense({ width: 'n_inner', block: gelu(ACTIVATION), names: { up: 'mlp.fc1', down: 'mlp.fc2' } }),
      routed: routed({
        perToken: 'moe_top_k',
        width: 'n_inner',
        names: NOMIC_EXPERTS,
        expert: ({ fields }) => {
          demandGelu(fields, ACTIVATION)
          return { imports: { 'experts/gelu_mlp': ['gelu_mlp as gelu_expert'] }, call: 'gelu_expert(F = F, biases = false)' }
        },
        router: topK({ gate: 'mlp.router.layer.weight', renormalise: 'moe_normalize_expert_weights' }),
        bias: 'mlp.experts.bias',
      }),
      isDense: everySecondOf,
      width: 'n_inner',
    }),
  },
})
