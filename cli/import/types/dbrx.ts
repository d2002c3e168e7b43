/** DBRX: LayerNorm without biases, one tensor for queries, keys and values, one for the rows of all experts. */
import { CLIP, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { layerNorm } from '../decoder/norm.ts'
import { routed } from '../experts/routed.ts'
import { DBRX_EXPERTS } from '../names/experts.ts'
import type { Fields } from '../fields.ts'
import { dbrxRouter } from '../routers/top-k.ts'

const WQKV = 'norm_attn_norm.attn.Wqkv.weight'

/** Fields of the groups; the base inside `attn_config` does not reach the frequencies. */
const INSIDE: Readonly<Record<string, readonly string[]>> = {
  attn_config: ['kv_n_heads', 'clip_qkv', 'rope_theta', 'attn_pdrop', 'model_type'],
  ffn_config: [
    'ffn_hidden_size',
    'moe_num_experts',
    'moe_top_k',
    'moe_normalize_expert_weights',
    'ffn_act_fn',
    'moe_jitter_eps',
    'moe_loss_weight',
    'hidden_size',
    'model_type',
  ],
}

/** Silu, and no field in a group that is not known. */
function demandGroups(fields: Fields): void {
  for (const [name, known] of Object.entries(INSIDE)) {
    const group = fields.group(name)
    for (const field of group.names.filter((one) => group.has(one) && !known.includes(one) && !METADATA.has(one)))
      group.refuseValue(field, 'this architecture does not support it')
  }
  const activation = fields.group('ffn_config').group('ffn_act_fn')
  const act = activation.text('name', 'the activation of the experts', 'silu')
  if (act !== 'silu') activation.refuseValue('name', "only 'silu' is supported")
  fields.group('attn_config').skip('rope_theta', 'nothing: the one beside the group counts')
}

/** What older files write into each group. */
const METADATA: ReadonlySet<string> = new Set(['transformers_version', 'torch_dtype', 'dtype', '_attn_implementation'])

export const dbrx = decoderRow({
  type: 'dbrx',
  architecture: 'DbrxForCausalLM',
  doc: 'DBRX: fine-grained experts, LayerNorm without biases, clipped queries, keys and values. Databricks, 2024.',
  defaults: { rope_theta: 10_000 },
  unused: ['max_seq_len', 'emb_pdrop', 'resid_pdrop', 'num_key_value_heads'],
  parts: {
    norm: layerNorm({ eps: 1e-5, biases: false }),
    names: {
      embedding: 'transformer.wte.weight',
      finalNorm: 'transformer.norm_f',
      layer: 'transformer.blocks.{i}',
      attentionNorm: 'norm_attn_norm.norm_1',
      feedForwardNorm: 'norm_attn_norm.norm_2',
      width: 'd_model',
      layers: 'n_layers',
    },
    attention: groupedQueries({
      fields: { width: 'd_model', heads: 'n_heads', groups: 'attn_config.kv_n_heads' },
      law: demandGroups,
      clip: (fields) => fields.group('attn_config').optionalPositive('clip_qkv', CLIP),
      names: {
        q: `${WQKV}[0:H * C]`,
        k: `${WQKV}[H * C:H * C + G * C]`,
        v: `${WQKV}[H * C + G * C:H * C + 2 * G * C]`,
        o: 'norm_attn_norm.attn.out_proj.weight',
      },
    }),
    feedForward: routed({
      count: 'ffn_config.moe_num_experts',
      perToken: 'ffn_config.moe_top_k',
      width: 'ffn_config.ffn_hidden_size',
      names: DBRX_EXPERTS,
      router: dbrxRouter('ffn.router.layer.weight'),
    }),
  },
})
