/** Routers that know groups of experts, and those that add a bias for the selection alone. */
import type { Fields } from '../fields.ts'
import type { Layout, Names } from '../names/source.ts'
import { realText } from '../write.ts'
import { named, readRenormalise, type Flag, type MakeRouter, type Router } from './router.ts'

const SCALE = 'the factor on the weights of experts'

const argument = (isDefault: boolean, text: string): string => (isDefault ? '' : `, ${text}`)

interface Groups {
  readonly groups: number
  readonly keep: number
}

/** `n_group` and `topk_group`; one group where they are null. */
function readGroups(fields: Fields, numExperts: number): Groups {
  const groups = fields.optionalCount('n_group', 'groups of experts') ?? 1
  const keep = fields.optionalCount('topk_group', 'groups that are kept for a token') ?? 1
  fields.demand(
    numExperts % groups === 0,
    ['n_group'],
    `'n_group' (${groups}) does not divide the number of experts (${numExperts})`,
  )
  fields.demand(keep <= groups, ['n_group', 'topk_group'], `'topk_group' (${keep}) is more than 'n_group' (${groups})`)
  return { groups, keep }
}

/** Experts in each group at least `least`, and in the kept groups at least as many as a token has. */
function demandRoom(fields: Fields, { groups, keep }: Groups, numExperts: number, topK: number, least: number): void {
  const each = numExperts / groups
  fields.demand(
    each >= least,
    ['n_group'],
    `'n_group' is ${groups}: a group of ${numExperts} experts must have at least ${least}`,
  )
  fields.demand(
    topK <= keep * each,
    ['n_group', 'topk_group', 'num_experts_per_tok'],
    `'num_experts_per_tok' (${topK}) is more than the experts of 'topk_group' (${keep}) groups (${keep * each})`,
  )
}

export interface BiasedOptions {
  readonly gate: Names
  readonly bias: Names
  readonly renormalise: Flag
  /** Field of the factor on the weights. */
  readonly scale?: string
  /** What is added to the sum that divides; nothing where it is absent. */
  readonly added?: number
  /** Field that says whether there is a bias; there is where it is absent. */
  readonly hasBias?: string
}

function sigmoidScores(fields: Fields, layout: Layout, options: BiasedOptions): Router {
  const { gate, bias, renormalise, scale, added, hasBias } = options
  const isBiased = hasBias === undefined || fields.flag(hasBias, 'whether a bias is added for the selection')
  const factor = scale === undefined ? 1 : fields.positive(scale, SCALE)
  const sumsToOne = readRenormalise(fields, renormalise)
  const list = [
    'k = k, scores = "sigmoid"',
    argument(isBiased, 'biases = false'),
    argument(sumsToOne, 'renormalise = false'),
    argument(added === undefined || !sumsToOne, `added = ${realText(added ?? 0)}`),
    argument(factor === 1, `scale = ${realText(factor)}`),
  ].join('')
  return {
    imports: { 'policies/biased_top_k': ['biased_top_k'] },
    call: `biased_top_k(${list})`,
    weights: named(isBiased ? { gate, bias } : { gate }, layout),
  }
}

/** Sigmoid scores with a bias for the selection. */
export const biasedSigmoid =
  (options: BiasedOptions): MakeRouter =>
  (fields, layout) =>
    sigmoidScores(fields, layout, options)

/** DeepSeek-V3: sigmoid scores, a bias for the selection, experts of the best groups alone. */
export const deepseekV3Router =
  ({ gate, bias, renormalise }: Omit<BiasedOptions, 'added' | 'scale' | 'hasBias'>): MakeRouter =>
  (fields, layout, { numExperts, topK }) => {
    const groups = readGroups(fields, numExperts)
    demandRoom(fields, groups, numExperts, topK, 2)
    const factor = fields.positive('routed_scaling_factor', SCALE)
    const sumsToOne = readRenormalise(fields, renormalise)
    const list = `k = k, groups = ${groups.groups}, keep = ${groups.keep}${argument(sumsToOne, 'renormalise = false')}`
    return {
      imports: { 'policies/deepseek_v3': ['deepseek_v3 as grouped_sigmoid'] },
      call: `grouped_sigmoid(${list}, scale = ${realText(factor)})`,
      weights: named({ gate, bias }, layout),
    }
  }

/** DeepSeek-V2: softmax, the best of all experts or of the groups with the most probable best one, never renormalised. */
export const deepseekV2Router =
  (gate: Names): MakeRouter =>
  (fields, layout, { numExperts, topK }): Router => {
    const method = fields.text('topk_method', 'how experts are chosen')
    const factor = fields.positive('routed_scaling_factor', SCALE)
    const scale = argument(factor === 1, `scale = ${realText(factor)}`)
    const weights = named({ gate }, layout)
    if (method === 'greedy') {
      for (const name of ['n_group', 'topk_group']) fields.skip(name, "nothing: 'topk_method' is greedy")
      const call = `top_k(k = k, renormalise = false${scale})`
      return { imports: { 'policies/top_k': ['top_k'] }, call, weights }
    }
    if (method !== 'group_limited_greedy') fields.refuseValue('topk_method', 'supported are greedy and group_limited_greedy')
    const groups = readGroups(fields, numExperts)
    demandRoom(fields, groups, numExperts, topK, 1)
    return {
      imports: { 'policies/group_limited_top_k': ['group_limited_top_k'] },
      call: `group_limited_top_k(k = k, groups = ${groups.groups}, keep = ${groups.keep}${scale})`,
      weights,
    }
  }

/** ERNIE 4.5: probabilities with a bias for the selection, divided by their sum or by a least value. */
export const ernieRouter =
  (gate: Names, bias: Names): MakeRouter =>
  (fields, layout) => {
    const least = fields.positive('moe_norm_min', 'the least sum that weights are divided by')
    return {
      imports: { 'policies/biased_top_k': ['biased_top_k'] },
      call: `biased_top_k(k = k, scores = "softmax", least = ${realText(least)})`,
      weights: named({ gate, bias }, layout),
    }
  }
