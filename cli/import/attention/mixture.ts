/** Attention whose query and output projections are experts, with keys and values that all share. */
import type { Context, Make, Sublayer } from '../part.ts'
import { intParameter } from '../parameter.ts'
import { mergedImports } from '../part.ts'
import { ropeText } from '../rope-text.ts'
import { demandPairs, readRope } from '../rope.ts'
import { refuseLayerTypes } from './window.ts'

/** `E` and `k` are those of the routed networks. */
export const mixtureOfAttention: Make<Sublayer> = (context: Context) => {
  const { fields } = context
  refuseLayerTypes(context)
  const groups = fields.count('num_key_value_heads', 'the parameter G: heads of keys and values')
  const size = fields.count('kv_channels', 'the parameter C: the size of a head')
  fields.skip('num_attention_heads', 'nothing: it follows from num_key_value_heads and num_experts_per_tok')
  fields.demand(
    size % 2 === 0,
    ['kv_channels'],
    `a head of ${size} numbers cannot be rotated in pairs: 'kv_channels' must be even`,
  )
  const rope = readRope(fields, {})
  demandPairs(fields, rope, size / 2)
  const rotary = ropeText(rope, size / 2, 'C / 2')
  const list = ['E = E', 'k = k', 'groups = G', 'C = C', ...rotary.arguments].join(', ')
  const name = 'self_attention'
  return {
    imports: mergedImports([{ 'blocks/mixture_of_attention': ['mixture_of_attention'] }, rotary.imports]),
    parameters: [
      intParameter('G', groups, 'Heads of keys and values, and of the queries of an expert.', 'heads'),
      intParameter('C', size, 'Size of a head.', 'heads'),
    ],
    weights: {
      'attention.gate': `${name}.experts.router.layer.weight`,
      'attention.query': `${name}.experts.input_linear.weight`,
      'attention.output': `${name}.experts.output_linear.weight`,
      'attention.key': `${name}.kv_proj.weight[0:G * C]`,
      'attention.value': `${name}.kv_proj.weight[G * C:2 * G * C]`,
      'attention.bias': `${name}.experts.bias`,
    },
    label: 'attention',
    namesInput: true,
    isChoice: false,
    lines: (input) => [`mixture_of_attention(${input}, ${list}) as attention`],
  }
}
