/** Gemma 4: norms on both sides, a dense network beside the experts, a factor on the residual stream after each layer. */
import { gemmaAttention } from '../attention/gemma.ts'
import { decoderSpec, type DecoderParts } from '../decoder/decoder.ts'
import { gemmaMultipliers } from '../decoder/multipliers.ts'
import { rmsNorm } from '../decoder/norm.ts'
import { beside, scaledExpert } from '../experts/beside.ts'
import { dense, geglu } from '../experts/dense.ts'
import { routed } from '../experts/routed.ts'
import type { Default, Fields } from '../fields.ts'
import { GEMMA_EXPERTS } from '../names/experts.ts'
import type { Make, Sublayer } from '../part.ts'
import { scaledTopK } from '../routers/top-k.ts'
import type { Row } from '../row.ts'

export const GEMMA4_DEFAULTS: Readonly<Record<string, Default>> = {
  num_key_value_heads: 4,
  head_dim: 256,
  global_head_dim: 512,
  hidden_activation: 'gelu_pytorch_tanh',
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
  attention_bias: false,
  sliding_window: 512,
  attention_k_eq_v: false,
  num_kv_shared_layers: 0,
  hidden_size_per_layer_input: 256,
  enable_moe_block: false,
}

const ACTIVATION = 'hidden_activation'

const withExperts = beside({
  dense: dense({ isBeside: true, block: geglu(ACTIVATION) }),
  routed: routed({
    perToken: 'top_k_experts',
    width: 'moe_intermediate_size',
    names: GEMMA_EXPERTS,
    expert: scaledExpert(ACTIVATION),
    router: scaledTopK('router.proj.weight', 'router.scale', 'router.per_expert_scale'),
  }),
  norm: rmsNorm(),
  names: {
    beforeDense: 'pre_feedforward_layernorm',
    beforeRouted: 'pre_feedforward_layernorm_2',
    dense: 'post_feedforward_layernorm_1',
    routed: 'post_feedforward_layernorm_2',
    sum: 'post_feedforward_layernorm',
  },
})

const networks: Make<Sublayer> = (context) => {
  const { fields } = context
  if (fields.flag('enable_moe_block', 'whether layers have experts')) return withExperts(context)
  for (const name of ['num_experts', 'top_k_experts', 'moe_intermediate_size'])
    fields.skip(name, "nothing: 'enable_moe_block' is false")
  return dense({ block: geglu(ACTIVATION) })(context)
}

/** Embeddings that each layer adds, of which the smallest models have one per token and layer. */
function refuseLayerInputs(fields: Fields): void {
  const name = 'hidden_size_per_layer_input'
  if (fields.whole(name, 'the width of embeddings of each layer: 0 for none') > 0)
    fields.refuseValue(name, 'embeddings of each layer are not supported')
  fields.skip('vocab_size_per_layer_input', `nothing: '${name}' is 0`)
}

/** `prefix` leads to the layers. */
const partsOf = (prefix: string): DecoderParts => ({
  norms: 'around',
  multipliers: gemmaMultipliers,
  names: {
    embedding: `${prefix}.embed_tokens.weight`,
    finalNorm: `${prefix}.norm`,
    layer: `${prefix}.layers.{i}`,
    attentionAfterNorm: 'post_attention_layernorm',
    feedForwardNorm: 'pre_feedforward_layernorm',
    feedForwardAfterNorm: 'post_feedforward_layernorm',
    layerFactor: 'layer_scalar',
  },
  attention: gemmaAttention,
  feedForward: networks,
})

/** The spec of a Gemma 4 text model whose tensors have this prefix. */
export const gemma4Spec =
  (prefix: string): Row['spec'] =>
  (fields, options) => {
    refuseLayerInputs(fields)
    return decoderSpec(partsOf(prefix), fields, options)
  }

export const gemma4Text: Row = {
  type: 'gemma4_text',
  architecture: 'Gemma4ForCausalLM',
  doc: 'Gemma 4: windows in most layers, norms on both sides, experts beside a dense network. Gemma Team, 2026.',
  defaults: GEMMA4_DEFAULTS,
  spec: gemma4Spec('model'),
}
