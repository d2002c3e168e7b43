/** SSR: the gradient of the gate in a balanced step, in each of its three modes. */
import type { Tensors } from '../case.ts'
import { withBiases } from '../experts.ts'
import type { Layer } from '../layers.ts'
import { stopsAlike } from '../stop.ts'
import type { GradientCase } from './case.ts'
import { withTask } from './layers.ts'

/** The library's policy draws its own noise. Here it comes with the file. */
const NOISY = `
policy noisy_sinkhorn(
  k: int in 1..E, cost: "softmax" | "linear", xi: real, tolerance: real, noise: real, draws: f32[T, E],
  gradient: "unrolled" | "scalings" | "detached",
) {
  param gate: f32[E, D]
  param gate_bias: f32[E]
  let score = x @ gate.T + gate_bias
  let profit = ((if cost == "softmax" then softmax(score) else score) + noise * draws) / xi
  let profits = if gradient == "detached" then stop(profit) else profit
  let scaling = sinkhorn(profit, rows = 1.0, columns = 1.0 * T / E, iterations = 100, tolerance = tolerance)
  let plan = profits + (if gradient == "unrolled" then scaling else stop(scaling))
  select top k by plan
  weigh softmax(pick(plan, selected))
}
`

/** In the files the root of the sum of squares is held against the tolerance, not that of their mean. */
const TOLERANCE = 1e-4 / Math.sqrt(8)

const MODES = { unrolled: 'unrolled', scalings: 'sg_scalings', detached: 'detached' } as const

type Mode = keyof typeof MODES

interface Balanced {
  readonly file: string
  readonly cost: 'linear' | 'softmax'
  readonly xi: number
  readonly noise?: number
  /** Its scores are near 150: of the gradient through all iterations float32 holds two digits, in PyTorch too. */
  readonly overflows?: true
}

function layer({ cost, xi, noise }: Balanced, mode: Mode): Layer {
  const settings = `k = 2, cost = "${cost}", xi = ${xi}, tolerance = ${TOLERANCE}, gradient = "${mode}"`
  const base = { experts: withBiases, axes: 'T', weights: ['moe.router.gate = "wg"', 'moe.router.gate_bias = "bg"'] }
  if (noise === undefined) {
    return withTask({
      ...base,
      imports: ['{ selective_sinkhorn } from "std/policies/selective_sinkhorn"'],
      route: `selective_sinkhorn(${settings}, biases = true)`,
    })
  }
  const before = ['input noise_eps: f32[T, E]']
  return withTask({
    ...base,
    before,
    declarations: NOISY,
    route: `noisy_sinkhorn(${settings}, noise = ${noise}, draws = noise_eps)`,
  })
}

/** A bias for all experts moves no plan of the scores themselves: of its gradient the file has roundings. */
function balanced(one: Balanced): readonly GradientCase[] {
  return (Object.keys(MODES) as Mode[]).map((mode) => {
    const prefix = `grad_${MODES[mode]}`
    const zeros = one.cost === 'linear' && mode === 'unrolled' ? ['bg'] : []
    const isHeld = (vectors: Tensors): boolean =>
      !(one.overflows === true && mode === 'unrolled') && stopsAlike(vectors, one.xi, TOLERANCE)
    return {
      name: `ssr/${one.file}, ${mode}`,
      files: [`ssr/${one.file}`],
      layer: layer(one, mode),
      training: true,
      holdsInF32: isHeld,
      terms: [{ prefix, zeros }],
    }
  })
}

export const ssr: readonly GradientCase[] = [
  ...balanced({ file: 'linear_xi0.5', cost: 'linear', xi: 0.5 }),
  ...balanced({ file: 'linear_xi1.0', cost: 'linear', xi: 1 }),
  ...balanced({ file: 'linear_xi1.0_noise1', cost: 'linear', xi: 1, noise: 1 }),
  ...balanced({ file: 'softmax_xi0.05', cost: 'softmax', xi: 0.05 }),
  ...balanced({ file: 'softmax_xi0.5_noise0.1', cost: 'softmax', xi: 0.5, noise: 0.1 }),
  ...balanced({ file: 'linear_overflow_xi0.05', cost: 'linear', xi: 0.05, overflows: true }),
]
