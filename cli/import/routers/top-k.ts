/** Softmax over all experts, then the k most probable; or the softmax of those k scores. */
import type { Names } from '../names/source.ts'
import { named, readRenormalise, type Flag, type MakeRouter } from './router.ts'

export interface TopKOptions {
  readonly gate: Names
  readonly renormalise: Flag
}

export const topK =
  ({ gate, renormalise }: TopKOptions): MakeRouter =>
  (fields, layout) => {
    const sumsToOne = readRenormalise(fields, renormalise)
    if (renormalise === true && fields.has('norm_topk_prob') && !fields.flag('norm_topk_prob', 'nothing: it is always so'))
      fields.refuseValue('norm_topk_prob', 'the weights of the chosen experts always sum to 1 here')
    return {
      imports: { 'policies/top_k': ['top_k'] },
      call: `top_k(k = k${sumsToOne ? '' : ', renormalise = false'})`,
      weights: named({ gate }, layout),
    }
  }

export const softmaxOfTopK =
  (gate: Names): MakeRouter =>
  (_, layout) => ({
    imports: { 'policies/softmax_of_top_k': ['softmax_of_top_k'] },
    call: 'softmax_of_top_k(k = k)',
    weights: named({ gate }, layout),
  })
