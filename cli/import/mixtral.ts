/** Mixtral: grouped-query attention, in a sliding window where the config sets one, and routed SwiGLU experts. */
import { readDecoder } from './decoder.ts'
import { attentionWeights, writeDecoder } from './decoder-text.ts'
import { expertParameters, readExperts, routedParts } from './experts.ts'
import type { Fields } from './fields.ts'
import type { ParameterText } from './write.ts'

const windowParameter = (value: number): ParameterText => ({
  name: 'W',
  type: 'int',
  range: '1..',
  value,
  doc: 'A token sees itself and the W - 1 before it.',
})

export function importMixtral(fields: Fields): string {
  const shape = readDecoder(fields, { architecture: 'MixtralForCausalLM', theta: 1e6, groups: 8 })
  const experts = readExperts(fields, 'num_local_experts', true)
  fields.demand(
    shape.isCausal || !fields.has('sliding_window'),
    [],
    "'is_causal' is false beside a 'sliding_window': a window that looks both ways is not supported",
  )
  if (!fields.flag('norm_topk_prob', true))
    fields.refuseValue('norm_topk_prob', 'the weights of the chosen experts always sum to 1 here')
  const window = fields.has('sliding_window') ? [windowParameter(fields.count('sliding_window'))] : []
  return writeDecoder(shape, {
    ...routedParts(experts),
    name: 'mixtral',
    doc: 'Mixtral: a sparse mixture of SwiGLU experts in every layer. Jiang et al., 2024, arXiv:2401.04088.',
    parameters: [...expertParameters(experts), ...window],
    attention: window.length > 0 ? ['window = W'] : [],
    layerWeights: {
      ...attentionWeights({ hasBias: false }),
      'moe_norm.weight': 'post_attention_layernorm.weight',
      'moe.router.gate': 'block_sparse_moe.gate.weight',
      'moe.experts.{e}.gate': 'block_sparse_moe.experts.{e}.w1.weight',
      'moe.experts.{e}.up': 'block_sparse_moe.experts.{e}.w3.weight',
      'moe.experts.{e}.down': 'block_sparse_moe.experts.{e}.w2.weight',
    },
  })
}
