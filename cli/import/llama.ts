/** Llama: grouped-query attention and one SwiGLU network a layer. */
import { readDecoder } from './decoder.ts'
import { attentionWeights, biasArguments, writeDecoder } from './decoder-text.ts'
import type { Fields } from './fields.ts'

const networkWeights = (hasBias: boolean): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ['gate', 'up', 'down'].flatMap((name) => [
      [`mlp.${name}`, `mlp.${name}_proj.weight`],
      ...(hasBias ? [[`mlp.${name}_bias`, `mlp.${name}_proj.bias`]] : []),
    ]),
  )

export function importLlama(fields: Fields): string {
  const shape = readDecoder(fields, { architecture: 'LlamaForCausalLM', theta: 10_000, groups: null })
  const attentionHasBias = fields.flag('attention_bias', false)
  const networkHasBias = fields.flag('mlp_bias', false)
  return writeDecoder(shape, {
    name: 'llama',
    doc: 'Llama: a decoder with a SwiGLU network in every layer. Touvron et al., 2023, arXiv:2302.13971.',
    imports: { 'blocks/mlp': 'swiglu_mlp' },
    parameters: [],
    attention: attentionHasBias ? biasArguments : [],
    feedForwardNorm: 'mlp_norm',
    feedForward: (normed) => [`h = h + swiglu_mlp(${normed}, F = F${networkHasBias ? ', biases = true' : ''}) as mlp`],
    layerWeights: {
      ...attentionWeights({ hasBias: attentionHasBias }),
      'mlp_norm.weight': 'post_attention_layernorm.weight',
      ...networkWeights(networkHasBias),
    },
  })
}
