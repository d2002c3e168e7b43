/** The ways to route that the experiments compare, as clauses and imports of a spec. */

export interface Routing {
  readonly name: string
  readonly imports: string
  readonly route: string
}

/** Switch's loss of balance on a top-k of softmax: a policy of one's own. */
export const BALANCED = `
policy balanced_top_k(k: int in 1..E = 2, balance: real = 0.01) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  let w = pick(p, selected)
  weigh w / sum(w, keep = true)
  loss balance = balance * E * sum(mean(one_hot(selected[:, 0], E), axis = 0) * mean(p, axis = 0))
}
`

export const ROUTINGS: readonly Routing[] = [
  { name: 'SMoE', imports: 'import { top_k } from "std/policies/top_k"', route: 'top_k(k = k)' },
  { name: 'SMoE, balance loss', imports: '', route: 'balanced_top_k(k = k)' },
  { name: 'X-MoE', imports: 'import { cosine } from "std/policies/cosine"', route: 'cosine(k = k)' },
  {
    name: 'sigma-MoE',
    imports: 'import { sigmoid_top_k } from "std/policies/sigmoid_top_k"',
    route: 'sigmoid_top_k(k = k, renormalise = true)',
  },
  {
    name: 'CompeteSMoE',
    imports: 'import { competition } from "std/policies/competition"',
    route: 'competition(k = k, rate = 0.07)',
  },
  {
    name: 'SSR',
    imports: 'import { selective_sinkhorn } from "std/policies/selective_sinkhorn"',
    route: 'selective_sinkhorn(k = k, rate = 0.01)',
  },
]

export const spectral = (alpha: number, c: number): Routing => ({
  name: `SSMoE, alpha ${alpha}, c ${c}`,
  imports: 'import { spectral } from "std/policies/spectral"',
  route: `spectral(k = k, alpha = ${alpha.toFixed(2)}, c = ${c}, renormalise = true)`,
})

/** Alpha and c of the spectral router, one varied at a time. */
export const SWEEP = [
  [0, 8],
  [0.3, 8],
  [0.5, 8],
  [0.7, 8],
  [0.9, 8],
  [1, 8],
  [0.5, 2],
  [0.5, 32],
] as const

export const sweepName = (alpha: number, c: number): string => `${alpha}${c === 8 ? '' : `, c = ${c}`}`
