/** OLMoE: attention with norms on whole queries and keys, clipped where the config says so, and routed SwiGLU experts. */
import { readDecoder } from './decoder.ts'
import { attentionWeights, biasArguments, writeDecoder } from './decoder-text.ts'
import { expertParameters, readExperts, routedParts } from './experts.ts'
import type { Fields } from './fields.ts'
import type { ParameterText } from './write.ts'

const clipParameter = (value: number): ParameterText => ({
  name: 'clip',
  type: 'real',
  range: '',
  value,
  doc: 'Largest magnitude of a query, key or value.',
})

export function importOlmoe(fields: Fields): string {
  const shape = readDecoder(fields, { architecture: 'OlmoeForCausalLM', theta: 10_000, groups: null })
  // the norm over all queries has the size of the residual stream
  const law = `'head_dim' is ${shape.headSize}: only 'hidden_size' / 'num_attention_heads' is supported`
  fields.demand(shape.headSize === null, ['head_dim', 'hidden_size', 'num_attention_heads'], law)
  const experts = readExperts(fields, 'num_experts', fields.flag('norm_topk_prob', false))
  const hasBias = fields.flag('attention_bias', false)
  const clip = fields.has('clip_qkv') ? [clipParameter(fields.positive('clip_qkv'))] : []
  return writeDecoder(shape, {
    ...routedParts(experts),
    name: 'olmoe',
    doc: 'OLMoE: many small SwiGLU experts in every layer. Muennighoff et al., 2024, arXiv:2409.02060.',
    parameters: [...expertParameters(experts), ...clip],
    attention: [...(hasBias ? biasArguments : []), 'norms = "row"', 'eps = eps', ...(clip.length > 0 ? ['clip = clip'] : [])],
    layerWeights: {
      ...attentionWeights({ hasBias }),
      'attention.q_norm.weight': 'self_attn.q_norm.weight',
      'attention.k_norm.weight': 'self_attn.k_norm.weight',
      'moe_norm.weight': 'post_attention_layernorm.weight',
      'moe.router.gate': 'mlp.gate.weight',
      'moe.experts.{e}.gate': 'mlp.experts.{e}.gate_proj.weight',
      'moe.experts.{e}.up': 'mlp.experts.{e}.up_proj.weight',
      'moe.experts.{e}.down': 'mlp.experts.{e}.down_proj.weight',
    },
  })
}
