/** Qwen's and OLMoE's files: the order of the hub, softmax over all experts. */
import type { Config, GgufArchitecture } from '../architecture.ts'
import type { Metadata } from '../metadata.ts'
import { demandGate, demandNoScale, experts, hidden, renormalised, type ExpertFields } from './experts.ts'

export const dense = (type: string): GgufArchitecture => ({
  type: () => type,
  rotates: 'half-split',
  norms: 'before',
  fields: hidden,
})

/** `renormalises` where the file does not say. */
const withExperts = (
  type: string,
  renormalises: boolean,
  names: ExpertFields,
  others: (metadata: Metadata) => Config = () => ({}),
): GgufArchitecture => ({
  type: () => type,
  rotates: 'half-split',
  norms: 'before',
  fields: (metadata) => {
    demandGate(metadata, 'softmax')
    demandNoScale(metadata)
    return { ...hidden(metadata), ...experts(metadata, names), ...renormalised(metadata, renormalises), ...others(metadata) }
  },
})

const FINE: ExpertFields = { count: 'num_experts', width: 'moe_intermediate_size' }

export const qwen2moe = withExperts('qwen2_moe', false, FINE, (metadata) => ({
  shared_expert_intermediate_size: metadata.number('expert_shared_feed_forward_length'),
}))

export const qwen3moe = withExperts('qwen3_moe', true, FINE)

export const olmoe = withExperts('olmoe', false, { count: 'num_experts' }, (metadata) => ({
  clip_qkv: metadata.number('attention.clamp_kqv') ?? null,
}))
