/** CompeteSMoE: what the router does alone, and a competition. */
import type { Case, Expected } from '../case.ts'
import { gelu, keysAndValues } from '../experts.ts'
import type { Layer } from '../layers.ts'

const imports = ['{ competition } from "std/policies/competition"']
const inVision: Layer = {
  imports,
  experts: gelu,
  route: 'competition(k = 2)',
  weights: ['moe.router.gate = "param.gate.weight"'],
}
const inLanguage: Layer = {
  imports,
  experts: keysAndValues,
  route: 'competition(k = 2)',
  weights: ['moe.router.gate = "param.w_gate"'],
}

const guessed = { selected: 'gate_topk_idx', weights: 'gate_topk_weight', scores: 'gate_softmax' }
const won = { selected: 'affinity_topk_idx', weights: 'affinity_topk_weight', scores: 'affinity' }

const costs = (theta: number): NonNullable<Expected['losses']> => ({
  'loss.moe.router.distil': ({ L_mse_all, L_mse_topk }) => L_mse_all.values[0] + theta * L_mse_topk.values[0],
  'loss.moe.router.diversity': (vectors) => vectors['info.diversity_loss'].values[0],
})

const dear = 'distillation = 1.0, diversity = 1.0'

export const competesmoe: readonly Case[] = [
  {
    name: 'CompeteSMoE at inference',
    layer: inVision,
    files: ['competesmoe/vlm_router_hybrid'],
    checks: [{ expected: { routes: guessed, y: 'y' } }],
  },
  {
    name: 'CompeteSMoE at inference in a language model',
    layer: inLanguage,
    files: ['competesmoe/lm_competesmoe_router'],
    checks: [{ expected: { routes: { selected: 'topk_idx', weights: 'topk_weight', scores: 'gate_softmax' }, y: 'y' } }],
  },
  {
    name: 'a competition',
    layer: { ...inVision, route: `competition(k = 2, theta = 0.1, ${dear})` },
    training: true,
    files: ['competesmoe/vlm_compete_hybrid'],
    checks: [{ expected: { routes: won, y: 'y', losses: costs(0.1) } }],
  },
  {
    name: 'a competition without the second term',
    layer: { ...inVision, route: `competition(k = 2, theta = 0.0, ${dear})` },
    training: true,
    files: ['competesmoe/vlm_compete_plain'],
    checks: [{ expected: { routes: won, y: 'y', losses: costs(0) } }],
  },
  {
    name: 'a competition in a language model',
    layer: inLanguage,
    training: true,
    files: ['competesmoe/lm_competesmoe_compete'],
    checks: [{ expected: { routes: { selected: 'topk_idx', weights: 'topk_weight', scores: 'affinity' }, y: 'y' } }],
  },
]
