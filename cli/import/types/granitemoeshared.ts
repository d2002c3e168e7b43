/** Granite with experts beside a shared one. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { graniteMultipliers } from '../decoder/multipliers.ts'
import { routed } from '../experts/routed.ts'
import { graniteShared } from '../experts/shared.ts'
import { GRANITE_EXPERTS, GRANITE_GATE } from '../names/experts.ts'
import { softmaxOfTopK } from '../routers/top-k.ts'
import { GRANITE_DEFAULTS } from './granitemoe.ts'

export const granitemoeshared = decoderRow({
  type: 'granitemoeshared',
  architecture: 'GraniteMoeSharedForCausalLM',
  doc: 'Granite MoE with a shared expert beside the routed ones. IBM, 2024.',
  defaults: { ...GRANITE_DEFAULTS, shared_intermediate_size: 0 },
  parts: {
    multipliers: graniteMultipliers,
    attention: groupedQueries({ biases: biasesEverywhere('attention_bias'), scale: 'attention_multiplier' }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: GRANITE_EXPERTS,
      router: softmaxOfTopK(GRANITE_GATE),
      shared: graniteShared,
    }),
  },
})
