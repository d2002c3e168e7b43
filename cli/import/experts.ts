/** The routed feed-forward network: how many experts, how many a token, which weights they get. */
import type { DecoderParts } from './decoder-text.ts'
import type { Fields } from './fields.ts'
import type { ParameterText } from './write.ts'

export interface Experts {
  readonly count: number
  readonly perToken: number
  /** Whether the weights of the chosen experts are scaled to sum to 1. */
  readonly renormalise: boolean
}

export function readExperts(fields: Fields, countName: string, renormalise: boolean): Experts {
  const count = fields.count(countName)
  // transformers accepts either name for the same number
  const other = countName === 'num_experts' ? 'num_local_experts' : 'num_experts'
  if (fields.has(other) && fields.raw(other) !== count)
    fields.refuseValue(other, `'${countName}' is ${count}, and both are the number of experts`)
  const perToken = fields.count('num_experts_per_tok')
  const between = [countName, 'num_experts_per_tok']
  fields.demand(perToken <= count, between, `'num_experts_per_tok' (${perToken}) is more than '${countName}' (${count})`)
  return { count, perToken, renormalise }
}

export const expertParameters = ({ count, perToken }: Experts): readonly ParameterText[] => [
  { name: 'E', type: 'int', range: '1..', value: count, doc: 'Experts in a layer.' },
  { name: 'k', type: 'int', range: '1..E', value: perToken, doc: 'Experts that answer for a token.' },
]

/** The parts of a decoder that make its feed-forward networks routed. */
export const routedParts = ({ renormalise }: Experts): Pick<DecoderParts, 'imports' | 'feedForward' | 'feedForwardNorm'> => ({
  imports: { 'experts/swiglu': 'swiglu', 'policies/top_k': 'top_k' },
  feedForwardNorm: 'moe_norm',
  feedForward: (normed) => [
    `h = h + moe(${normed}) {`,
    '  experts E of swiglu(F = F)',
    `  route top_k(k = k${renormalise ? '' : ', renormalise = false'})`,
    '  require dropless',
    '}',
  ],
})
