/** The feed-forward networks of DeepSeek-V3, which other types share: dense in some layers, routed beside shared experts else. */
import type { Context, Make, Sublayer } from '../part.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { deepseekV3Router } from '../routers/groups.ts'
import { dense } from './dense.ts'
import { mixed } from './mixed.ts'
import { routed } from './routed.ts'
import { plainShared, sharedTimes } from './shared.ts'

const router = deepseekV3Router({
  gate: 'mlp.gate.weight',
  bias: 'mlp.gate.e_score_correction_bias',
  renormalise: 'norm_topk_prob',
})

/** `isDense`: which layers are dense. */
export const deepseekV3Experts = (isDense: (context: Context) => (i: number) => boolean): Make<Sublayer> =>
  mixed({
    dense: dense({ isBeside: true }),
    routed: routed({
      count: 'n_routed_experts',
      width: 'moe_intermediate_size',
      names: QWEN_EXPERTS,
      router,
      shared: plainShared({ width: sharedTimes('n_shared_experts'), prefix: 'mlp.shared_experts' }),
    }),
    isDense,
  })
