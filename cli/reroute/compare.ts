/** The old and the new router of each layer, side by side. */
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { collapse, type Collapse } from '../../runtime/routing/collapse.ts'
import { load } from '../../runtime/routing/load.ts'
import { maxVio } from '../../runtime/routing/max-vio.ts'
import { overlap } from '../../runtime/routing/overlap.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { variation } from '../../runtime/routing/variation.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { table } from '../output.ts'
import type { Observed } from './observe.ts'
import { probabilities, readRouterPairs, type Probabilities, type RouterPair } from './router-pair.ts'
import { select } from './score.ts'

export interface LoadFacts {
  readonly variation: number | null
  readonly maxVio: number | null
}

export interface LayerComparison {
  readonly layer: string
  readonly experts: number
  readonly k: number
  readonly tokens: number
  readonly collapse: { readonly router: Collapse; readonly directions: Collapse }
  /** Mean share of a token's experts that both choose: the old router and the blend, the old router and the directions alone. */
  readonly overlap: { readonly blend: number | null; readonly directions: number | null }
  readonly load: { readonly old: LoadFacts; readonly new: LoadFacts }
}

/** Both routers of a layer, and what they make of the tokens that the layer was given in the original model. */
export interface Routers extends RouterPair, Probabilities {
  readonly old: RoutedLayer
}

/** The routers of every layer. `plan` is the rerouted model's: it names the gates. */
export async function routersOf(
  plan: Plan,
  observed: readonly Observed[],
  held: Readonly<Record<string, HostData>>,
  checkpoint: Checkpoint,
  alpha: number,
): Promise<readonly Routers[]> {
  const pairs = await readRouterPairs(
    plan,
    observed.map(({ layer }) => layer),
    held,
    checkpoint,
  )
  return pairs.map((pair, at) => {
    const { layer: old, rows } = observed[at]
    return { ...pair, old, ...probabilities(pair, { rows, tokens: old.tokens, experts: old.experts }, alpha) }
  })
}

const loadFacts = (layer: RoutedLayer): LoadFacts => ({ variation: variation(load(layer)), maxVio: maxVio(load(layer)) })

export function compareRouters({ old, gate, directions, blended, own }: Routers): LayerComparison {
  const { name, experts, k, tokens } = old
  const made = select(name, blended, experts, k)
  return {
    layer: name,
    experts,
    k,
    tokens,
    collapse: { router: collapse(gate, gate.length / experts), directions: collapse(directions, directions.length / experts) },
    overlap: { blend: overlap(old, made), directions: overlap(old, select(name, own, experts, k)) },
    load: { old: loadFacts(old), new: loadFacts(made) },
  }
}

const figure = (value: number | null): string => (value === null ? '-' : value.toFixed(3))

const HEAD = [
  ['', 'collapse', '', 'cosine', '', 'overlap', '', 'CV', '', 'MaxVio', ''],
  ['layer', 'router', 'W_EV', 'router', 'W_EV', 'new', 'W_EV', 'old', 'new', 'old', 'new'],
] as const

export function comparisonTable(layers: readonly LayerComparison[]): string {
  const rows = layers.map(({ layer, collapse: { router, directions }, overlap: shared, load: { old, new: made } }) => [
    layer,
    ...[
      router.pearson,
      directions.pearson,
      router.cosine,
      directions.cosine,
      shared.blend,
      shared.directions,
      old.variation,
      made.variation,
      old.maxVio,
      made.maxVio,
    ].map(figure),
  ])
  return table([...HEAD, ...rows], '<>>>>>>>>>>')
}
