/** Softmax over all experts, then the k most probable; or the softmax of those k scores. */
import type { Names } from '../names/source.ts'
import { realText } from '../write.ts'
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

/** With a bias of each score where `bias` names it. */
export const softmaxOfTopK =
  (gate: Names, bias?: Names): MakeRouter =>
  (_, layout) => ({
    imports: { 'policies/softmax_of_top_k': ['softmax_of_top_k'] },
    call: `softmax_of_top_k(k = k${bias === undefined ? '' : ', biases = true'})`,
    weights: named({ gate, ...(bias === undefined ? {} : { gate_bias: bias }) }, layout),
  })

/** DBRX: the weights of the chosen experts are divided by their p-norm, or by nothing where p is null. */
export const dbrxRouter =
  (gate: Names): MakeRouter =>
  (fields, layout) => {
    const ffn = fields.group('ffn_config')
    const isNull = ffn.names.includes('moe_normalize_expert_weights') && !ffn.has('moe_normalize_expert_weights')
    const power = isNull ? null : ffn.positive('moe_normalize_expert_weights', 'the p of the norm that divides weights', 1)
    const how = power === null ? ', renormalise = false' : power === 1 ? '' : `, power = ${realText(power)}`
    return { imports: { 'policies/top_k': ['top_k'] }, call: `top_k(k = k${how})`, weights: named({ gate }, layout) }
  }

/** Phi-3.5-MoE: two experts, each weighed by a softmax over the scores near the best one that is left. */
export const sparseMixer =
  (gate: Names): MakeRouter =>
  (fields, layout, { topK }) => {
    const jitter = fields.positive('router_jitter_noise', 'how near to the best a score must be')
    fields.demand(topK === 2, ['num_experts_per_tok'], `'num_experts_per_tok' is ${topK}: the sparse mixer has two experts`)
    return {
      imports: { 'policies/sparse_mixer': ['sparse_mixer'] },
      call: `sparse_mixer(jitter = ${realText(jitter)})`,
      weights: named({ gate }, layout),
    }
  }

/** Gemma 4: factors on the columns of the input and on the weights of each expert. */
export const scaledTopK =
  (gate: Names, inputScale: Names, expertScale: Names): MakeRouter =>
  (_, layout) => ({
    imports: { 'policies/scaled_top_k': ['scaled_top_k'] },
    call: 'scaled_top_k(k = k)',
    weights: named({ gate, input_scale: inputScale, expert_scale: expertScale }, layout),
  })
