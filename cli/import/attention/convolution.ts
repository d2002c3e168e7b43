/** Short convolutions over positions in some layers, in the place of attention. */
import { layerCondition, layerFlags } from '../decoder/layers.ts'
import { either } from '../experts/mixed.ts'
import type { Make, Sublayer } from '../part.ts'
import { readLayerTypes } from './window.ts'

const shortConvolution: Make<Sublayer> = ({ fields }) => {
  const taps = fields.count('conv_L_cache', 'the taps of a convolution')
  const hasBias = fields.flag('conv_bias', 'biases of the convolutions')
  const names = { open: 'in_proj', kernel: 'conv', close: 'out_proj' }
  const weights = Object.entries(names).flatMap(([path, name]) => [
    [`convolution.${path}`, `conv.${name}.weight${path === 'kernel' ? '[:, 0]' : ''}`],
    ...(hasBias ? [[`convolution.${path}_bias`, `conv.${name}.bias`]] : []),
  ])
  return {
    imports: { 'blocks/short_convolution': ['short_convolution'] },
    parameters: [],
    weights: Object.fromEntries(weights) as Record<string, string>,
    label: 'attention',
    namesInput: true,
    isChoice: false,
    lines: (input) => [`short_convolution(${input}, taps = ${taps}${hasBias ? ', biases = true' : ''}) as convolution`],
  }
}

/** `layer_types` says which layers have a convolution, and which the attention. */
export const convolutionOr =
  (attention: Make<Sublayer>): Make<Sublayer> =>
  (context) => {
    const types = readLayerTypes(context.fields, context.layers, ['conv', 'full_attention'])
    if (types === null) context.fields.refuse("'layer_types' is missing: it says which layers have a convolution")
    const condition = layerCondition(
      context.fields,
      layerFlags(context.layers, (i) => types?.[i] === 'conv'),
    )
    const [convolution, heads] = [shortConvolution(context), attention(context)]
    if (typeof condition === 'boolean') return condition ? convolution : heads
    return either(condition, convolution, heads, 'attention')
  }
