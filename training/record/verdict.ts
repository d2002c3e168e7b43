/** Verdicts on the routed layers from the last steps of a run: missed balance requirements, load collapse, dead experts. */
import { reportOf } from '../../plan/output-role.ts'
import { balance, type Balance } from '../../runtime/routing/balance.ts'
import { FEWEST_TOKENS, loadCollapse, type LoadCollapse } from '../../runtime/routing/load-collapse.ts'
import type { LayerRouting, StartEvent, StepEvent } from '../events.ts'

/** The number of last steps: a single one has too few tokens to distinguish chance from collapse. */
export const WINDOW = 50

/** Mean tokens per expert required to call one dead: with uniform routing a share e^-16 of experts would have none. */
const MIN_MEAN_TOKENS = 16

export type LayerProblem = 'collapsed' | 'dead' | 'unbalanced'

export interface LayerVerdict {
  readonly layer: string
  readonly experts: number
  /** The number of steps with reported routing. */
  readonly steps: number
  /** Over all tokens of these steps; null in records without the number of tokens. */
  readonly collapse: LoadCollapse | null
  /** Experts without a token in these steps, if there were enough tokens; ascending. */
  readonly dead: readonly number[]
  /** Of `balanced within P%`: the number of steps that miss it, and the balance of the last such step, else of the last step. */
  readonly balance: { readonly missed: number; readonly shown: Balance } | null
  /** Names of the losses of the layer's policy. */
  readonly losses: readonly string[]
  /** The rate of `bias balanced at RATE`; null if the layer has none. */
  readonly biasRate: number | null
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)

function totalLoad(routings: readonly LayerRouting[]): {
  readonly counts: readonly number[]
  readonly kept: number
  readonly dropped: number
} {
  const counts = routings[0].load.map((_, expert) => sum(routings.map(({ load }) => load[expert])))
  return { counts, kept: sum(counts), dropped: sum(routings.map(({ dropped }) => dropped)) }
}

function balanceOf(routings: readonly LayerRouting[], within: number): LayerVerdict['balance'] {
  const all = routings.map(({ load, dropped }) => balance({ counts: load, kept: sum(load), dropped }, within))
  const missed = all.filter(({ outside }) => outside.length > 0)
  return { missed: missed.length, shown: missed.at(-1) ?? all[all.length - 1] }
}

/** The losses of the policy of a layer; `layers.0.moe.router` is that of `layers.0/moe`. */
function lossesOf(layer: string, { losses }: StepEvent): readonly string[] {
  const router = `${layer.replaceAll('/', '.')}.router`
  return Object.keys(losses).filter((name) => `${reportOf(name).path}.`.startsWith(`${router}.`))
}

function judgeLayer(
  { layer, experts, within, biasRate }: StartEvent['layers'][number],
  steps: readonly StepEvent[],
): LayerVerdict | null {
  const routings = steps.flatMap(({ routing }) => routing.filter((each) => each.layer === layer))
  if (routings.length === 0) return null
  const load = totalLoad(routings)
  const tokens = routings.reduce<number | null>(
    (all, routing) => (all === null || routing.tokens === undefined ? null : all + routing.tokens),
    0,
  )
  const isMany = load.kept >= MIN_MEAN_TOKENS * experts && (tokens === null || tokens >= FEWEST_TOKENS)
  return {
    layer,
    experts,
    steps: routings.length,
    collapse: tokens === null ? null : loadCollapse(load, tokens),
    dead: isMany ? load.counts.flatMap((count, expert) => (count === 0 ? [expert] : [])) : [],
    balance: within === undefined ? null : balanceOf(routings, within),
    losses: [...new Set(steps.flatMap((step) => lossesOf(layer, step)))],
    biasRate: biasRate ?? null,
  }
}

/** A verdict on each layer whose routing was reported, from the last `WINDOW` steps. */
export const judge = (layers: StartEvent['layers'], steps: readonly StepEvent[]): readonly LayerVerdict[] =>
  layers.flatMap((layer) => judgeLayer(layer, steps.slice(-WINDOW)) ?? [])

/** The problems of a layer, the worst first. */
export const problemsOf = ({ collapse, dead, balance: required }: LayerVerdict): readonly LayerProblem[] => [
  ...(collapse?.verdict === 'collapsed' ? ['collapsed' as const] : []),
  ...(dead.length > 0 ? ['dead' as const] : []),
  ...(required !== null && required.missed > 0 ? ['unbalanced' as const] : []),
]
