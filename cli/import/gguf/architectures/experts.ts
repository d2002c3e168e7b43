/** Fields of routed experts that architectures share. */
import type { Config } from '../architecture.ts'
import type { Metadata } from '../metadata.ts'

/** Names of the fields that a config has for the experts. */
export interface ExpertFields {
  readonly count: string
  readonly perToken?: string
  readonly width?: string
}

export const experts = (metadata: Metadata, { count, perToken = 'num_experts_per_tok', width }: ExpertFields): Config => ({
  [count]: metadata.number('expert_count'),
  [perToken]: metadata.number('expert_used_count'),
  ...(width === undefined ? {} : { [width]: metadata.number('expert_feed_forward_length') }),
})

export const hidden = (metadata: Metadata): Config => ({ intermediate_size: metadata.number('feed_forward_length') })

/** `whether` where the file does not say. */
export const renormalised = (metadata: Metadata, whether: boolean): Config => ({
  norm_topk_prob: metadata.flag('expert_weights_norm') ?? whether,
})

/** `expert_gating_func`: how scores become weights. */
const GATES = { softmax: 1, sigmoid: 2, 'softmax of the chosen': 3 } as const

export type Gate = keyof typeof GATES

/** Refuses scores of another kind than the architecture has. */
export function demandGate(metadata: Metadata, gate: Gate): void {
  const found = metadata.number('expert_gating_func') ?? GATES[gate]
  if (found !== GATES[gate])
    metadata.refuse(`'${metadata.architecture}.expert_gating_func' is ${found}: only ${GATES[gate]}, ${gate}, is supported here`)
}

/** Refuses a factor on the experts' weights. */
export function demandNoScale(metadata: Metadata): void {
  const scale = metadata.number('expert_weights_scale') ?? 1
  if (scale !== 1) metadata.refuse(`'${metadata.architecture}.expert_weights_scale' is ${scale}: only 1 is supported here`)
}

/** Refuses weights of the chosen experts that do not sum to 1. */
export function demandSumOfOne(metadata: Metadata): void {
  if (metadata.flag('expert_weights_norm') === false)
    metadata.refuse(`'${metadata.architecture}.expert_weights_norm' is false: the weights sum to 1 here`)
}

/** DeepSeek-V3's experts and those of its likes: shared ones beside routed ones, behind layers that are dense. */
export const sigmoidExperts = (metadata: Metadata, count = 'n_routed_experts', shared = 'n_shared_experts'): Config => {
  demandGate(metadata, 'sigmoid')
  metadata.skip('expert_shared_feed_forward_length')
  return {
    ...hidden(metadata),
    ...experts(metadata, { count, width: 'moe_intermediate_size' }),
    ...renormalised(metadata, false),
    [shared]: metadata.number('expert_shared_count') ?? 0,
    first_k_dense_replace: metadata.number('leading_dense_block_count') ?? 0,
    routed_scaling_factor: metadata.number('expert_weights_scale') ?? 1,
  }
}
