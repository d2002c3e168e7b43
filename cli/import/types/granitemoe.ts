/** Granite 3 with experts: factors on embeddings, scores, residuals and logits. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { graniteMultipliers } from '../decoder/multipliers.ts'
import { routed } from '../experts/routed.ts'
import { GRANITE_EXPERTS, GRANITE_GATE } from '../names/experts.ts'
import { softmaxOfTopK } from '../routers/top-k.ts'

export const GRANITE_DEFAULTS = {
  rope_theta: 10_000,
  attention_bias: false,
  embedding_multiplier: 1,
  logits_scaling: 1,
  residual_multiplier: 1,
  attention_multiplier: 1,
}

export const granitemoe = decoderRow({
  type: 'granitemoe',
  architecture: 'GraniteMoeForCausalLM',
  doc: 'Granite 3.0 MoE: fine-grained experts, factors on embeddings, scores, residuals and logits. IBM, 2024.',
  defaults: GRANITE_DEFAULTS,
  parts: {
    multipliers: graniteMultipliers,
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), scale: 'attention_multiplier' }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: GRANITE_EXPERTS,
      router: softmaxOfTopK(GRANITE_GATE),
    }),
  },
})
