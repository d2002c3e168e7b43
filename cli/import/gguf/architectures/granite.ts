/** Granite 3 with experts, with or without a shared one. */
import type { GgufArchitecture } from '../architecture.ts'
import type { Metadata } from '../metadata.ts'
import { demandGate, demandNoScale, demandSumOfOne, experts, hidden } from './experts.ts'

const sharedWidth = (metadata: Metadata): number => metadata.number('expert_shared_feed_forward_length') ?? 0

export const granitemoe: GgufArchitecture = {
  type: (metadata) => (sharedWidth(metadata) > 0 ? 'granitemoeshared' : 'granitemoe'),
  rotates: 'interleaved',
  norms: 'before',
  fields: (metadata) => {
    // the softmax of the chosen scores is that of all, divided by its sum over the chosen
    demandGate(metadata, 'softmax')
    demandNoScale(metadata)
    demandSumOfOne(metadata)
    const shared = sharedWidth(metadata)
    return {
      ...hidden(metadata),
      ...experts(metadata, { count: 'num_local_experts' }),
      ...(shared > 0 ? { shared_intermediate_size: shared } : {}),
      attention_multiplier: metadata.number('attention.scale'),
      embedding_multiplier: metadata.number('embedding_scale'),
      residual_multiplier: metadata.number('residual_scale'),
      logits_scaling: metadata.number('logit_scale'),
    }
  },
}
