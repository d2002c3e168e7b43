/** Routing by balanced plans: SSR, in both kinds of steps, and S-BASE. */
import { hostTensor } from '../../../compiler/reference/tensor.ts'
import type { Case, Routes, Tensors } from '../case.ts'
import { echo, echoDeclaration, withBiases } from '../experts.ts'
import type { Layer } from '../layers.ts'
import { stopsAlike } from '../stop.ts'

const weights = ['moe.router.gate = "wg"', 'moe.router.gate_bias = "bg"']

const layer = (settings: string): Layer => ({
  imports: ['{ selective_sinkhorn } from "std/policies/selective_sinkhorn"'],
  experts: withBiases,
  axes: 'T',
  weights,
  route: `selective_sinkhorn(k = 2, biases = true, ${settings})`,
})

/** In the files the root of the sum of squares is held against the tolerance, not that of their mean. */
const TOLERANCE = 1e-4 / Math.sqrt(8)

const unbalanced: Routes = { selected: 'softmax_topk_idx', weights: 'softmax_alpha', scores: 'logits' }

/** The logarithm of the plan, but for the rows' own scalings, which rank nothing. */
const plan =
  (xi: number) =>
  ({ cost, log_v }: Tensors) =>
    hostTensor(
      cost.shape,
      'f32',
      cost.values.map((value, i) => value / xi + log_v.values[i % log_v.values.length]),
    )

const balanced = (file: string, cost: 'linear' | 'softmax', xi: number): Case => ({
  name: `SSR in a balanced step, ${cost} cost, xi = ${xi}`,
  training: true,
  files: [`ssr/${file}`],
  layer: layer(`cost = "${cost}", xi = ${xi}, tolerance = ${TOLERANCE}`),
  holdsInF32: (vectors) => stopsAlike(vectors, xi, TOLERANCE),
  checks: [{ expected: { routes: { selected: 'topk_idx', weights: 'alpha', scores: plan(xi) }, y: 'y' } }],
})

/** Stopped before it converged: where that is in float32 is a matter of roundings, and those of scores near 150 are 1e-5. */
function overflowing(): Case {
  const one = balanced('linear_overflow_xi0.05', 'linear', 0.05)
  return { ...one, precisions: ['f64'], checks: one.checks.map((check) => ({ ...check, within: 1e-4 })) }
}

/** Scores as they are: the tokens are the scores, and the gate changes nothing. */
const identity = ({ logits, top1_train, top1_eval }: Tensors): Tensors => ({
  x: logits,
  identity: hostTensor(
    [8, 8],
    'f32',
    Float64Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 : 0)),
  ),
  train: { ...top1_train, shape: [16, 1] },
  eval: { ...top1_eval, shape: [16, 1] },
})

const base: Layer = {
  imports: ['{ sinkhorn_base } from "std/policies/sinkhorn_base"'],
  experts: echo,
  declarations: echoDeclaration,
  axes: 'T',
  D: 8,
  route: 'sinkhorn_base(k = 1, weighing = "sigmoid")',
  weights: ['moe.router.gate = "identity"'],
}

export const ssr: readonly Case[] = [
  {
    name: 'SSR at inference',
    layer: layer('xi = 0.05'),
    files: [
      'linear_overflow_xi0.05',
      'linear_xi0.5',
      'linear_xi1.0',
      'linear_xi1.0_noise1',
      'softmax_xi0.05',
      'softmax_xi0.5_noise0.1',
    ].map((name) => `ssr/${name}`),
    checks: [{ expected: { routes: unbalanced, y: 'softmax_y' } }],
  },
  overflowing(),
  balanced('linear_xi0.5', 'linear', 0.5),
  balanced('linear_xi1.0', 'linear', 1),
  balanced('softmax_xi0.05', 'softmax', 0.05),
  {
    name: 'S-BASE at inference',
    layer: base,
    files: ['ssr/baseline_megatron_sinkhorn'],
    made: identity,
    checks: [{ expected: { routes: { selected: 'eval', weights: null, scores: 'logits' } } }],
  },
  {
    name: 'S-BASE in training',
    layer: base,
    training: true,
    files: ['ssr/baseline_megatron_sinkhorn'],
    made: identity,
    checks: [{ expected: { routes: { selected: 'train', weights: 'gate_train', scores: 'plan' } } }],
  },
]
