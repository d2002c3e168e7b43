/** What the last steps of a run say of its routed layers: requirements that are missed, loads that collapse, experts that are dead. */
import { balance, type Balance } from '../../runtime/routing/balance.ts'
import { FEWEST_TOKENS, loadCollapse, type LoadCollapse } from '../../runtime/routing/load-collapse.ts'
import type { LayerRouting, StartEvent, StepEvent } from '../events.ts'

/** Steps that are looked at: one has too few tokens to tell chance from a collapse. */
export const WINDOW = 50

/** Slots an expert has in the mean before it is called dead: with chance alone e^-16 of them would have none. */
const ENOUGH = 16

export type Trouble = 'collapsed' | 'dead' | 'unbalanced'

export interface LayerVerdict {
  readonly layer: string
  readonly experts: number
  /** Steps that were looked at, with routes that were read back. */
  readonly steps: number
  /** Of all tokens of these steps; null in records that do not say how many there were. */
  readonly collapse: LoadCollapse | null
  /** Experts that answered nothing in these steps, where they had many slots; ascending. */
  readonly dead: readonly number[]
  /** Of `balanced within P%`: the steps whose own load misses it, and the load of the last that does, else of the last. */
  readonly balance: { readonly missed: number; readonly shown: Balance } | null
  /** Losses of the layer's policy, by their names. */
  readonly losses: readonly string[]
  /** The rate of `bias balanced at RATE`; null where the layer has none. */
  readonly biasRate: number | null
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)

function together(parts: readonly LayerRouting[]): {
  readonly counts: readonly number[]
  readonly kept: number
  readonly dropped: number
} {
  const counts = parts[0].load.map((_, expert) => sum(parts.map(({ load }) => load[expert])))
  return { counts, kept: sum(counts), dropped: sum(parts.map(({ dropped }) => dropped)) }
}

function balanceOf(parts: readonly LayerRouting[], within: number): LayerVerdict['balance'] {
  const all = parts.map(({ load, dropped }) => balance({ counts: load, kept: sum(load), dropped }, within))
  const missed = all.filter(({ outside }) => outside.length > 0)
  return { missed: missed.length, shown: missed.at(-1) ?? all[all.length - 1] }
}

/** `layers.0/moe` and `loss.layers.0.moe.router.balance` */
const lossesOf = (layer: string, { losses }: StepEvent): readonly string[] =>
  Object.keys(losses).filter((name) => name.startsWith(`loss.${layer.replaceAll('/', '.')}.router.`))

function judgeLayer(
  { layer, experts, within, biasRate }: StartEvent['layers'][number],
  steps: readonly StepEvent[],
): LayerVerdict | null {
  const parts = steps.flatMap(({ routing }) => routing.filter((each) => each.layer === layer))
  if (parts.length === 0) return null
  const load = together(parts)
  const tokens = parts.reduce<number | null>(
    (all, part) => (all === null || part.tokens === undefined ? null : all + part.tokens),
    0,
  )
  const isMany = load.kept >= ENOUGH * experts && (tokens === null || tokens >= FEWEST_TOKENS)
  return {
    layer,
    experts,
    steps: parts.length,
    collapse: tokens === null ? null : loadCollapse(load, tokens),
    dead: isMany ? load.counts.flatMap((count, expert) => (count === 0 ? [expert] : [])) : [],
    balance: within === undefined ? null : balanceOf(parts, within),
    losses: [...new Set(steps.flatMap((step) => lossesOf(layer, step)))],
    biasRate: biasRate ?? null,
  }
}

/** A verdict a layer whose routes were read back, from the last `WINDOW` of the steps. */
export const judge = (layers: StartEvent['layers'], steps: readonly StepEvent[]): readonly LayerVerdict[] =>
  layers.flatMap((layer) => judgeLayer(layer, steps.slice(-WINDOW)) ?? [])

/** What is wrong with a layer, the worst first. */
export const troublesOf = ({ collapse, dead, balance: required }: LayerVerdict): readonly Trouble[] => [
  ...(collapse?.verdict === 'collapsed' ? ['collapsed' as const] : []),
  ...(dead.length > 0 ? ['dead' as const] : []),
  ...(required !== null && required.missed > 0 ? ['unbalanced' as const] : []),
]
