/** What routers do with texts, and how alike the outputs of a token's experts are. */
import { createLayerSums, type LayerLoad, type RoutingChange } from '../../analysis/eval/layers.ts'
import type { LayerTokens } from '../../analysis/inspect/layer.ts'
import { routingOutputs } from '../../plan/output-role.ts'
import { allocationEntropy } from '../../runtime/routing/allocation-entropy.ts'
import { deadExperts } from '../../runtime/routing/dead.ts'
import { loadCollapse } from '../../runtime/routing/load-collapse.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import type { Loaded } from '../model/open.ts'
import { windowResults, type WindowRequest, type WindowResult } from '../model/windows.ts'

/** How models are lowered for that. */
export const ON_TOKENS = { routes: true, similarity: true } as const

/** By the path of the layer, `layers.0.moe`. */
export type ByLayer<T> = ReadonlyMap<string, T>

interface Means {
  sum: number
  pairs: number
  tokens: number
}

const pathOf = (name: string): string => name.replaceAll('/', '.')

/** Tokens with two assigned experts at least. */
function addSimilarity(means: Map<string, Means>, { name, tokens, k, selected }: RoutedLayer, values: ArrayLike<number>): void {
  const known = means.get(name) ?? { sum: 0, pairs: 0, tokens: 0 }
  means.set(name, known)
  known.tokens += tokens
  for (let t = 0; t < tokens; t++) {
    const assigned = selected.subarray(t * k, (t + 1) * k).filter((expert) => expert >= 0).length
    if (assigned < 2) continue
    known.sum += values[t]
    known.pairs++
  }
}

function tokensOf({ load: counts, dropped, cv, maxVio }: LayerLoad, { sum, pairs, tokens }: Means): LayerTokens {
  const load = { counts, dropped, kept: counts.reduce((all, count) => all + count, 0) }
  return {
    tokens,
    load: counts,
    dropped,
    cv,
    maxVio,
    entropy: allocationEntropy(load),
    dead: deadExperts(load),
    collapse: loadCollapse(load, tokens),
    outputSimilarity: pairs === 0 ? null : sum / pairs,
  }
}

/** Adds up the windows of a model. */
function sumsOf({ compiled }: Loaded): {
  readonly add: (own: WindowResult, other: WindowResult | null) => void
  readonly tokens: () => ByLayer<LayerTokens>
  readonly changes: () => ByLayer<RoutingChange | null>
} {
  const similarities = routingOutputs(compiled.plan.outputs, 'similarity')
  const sums = createLayerSums()
  const means = new Map<string, Means>()
  const byLayer = <T>(of: (layer: LayerLoad) => T): ByLayer<T> =>
    new Map(sums.result().map((layer) => [pathOf(layer.name), of(layer)]))
  return {
    add: ({ layers, outputs }, other) => {
      sums.add(layers, other?.layers ?? null, 0)
      for (const layer of layers) addSimilarity(means, layer, outputs[similarities.get(layer.name)!].data as Float32Array)
    },
    tokens: () => byLayer((layer) => tokensOf(layer, means.get(layer.name)!)),
    changes: () => byLayer(({ change }) => change),
  }
}

export interface OnTokens {
  readonly own: ByLayer<LayerTokens>
  readonly other: ByLayer<LayerTokens>
  readonly change: ByLayer<RoutingChange | null>
}

/** Runs the model, and the other one beside it where there is one, over the texts. */
export async function inspectTokens(loaded: Loaded, other: Loaded | null, request: WindowRequest): Promise<OnTokens> {
  const [own, others] = [sumsOf(loaded), other === null ? null : sumsOf(other)]
  const beside = other === null ? null : windowResults(other, { ...request, onProgress: () => {} })
  for await (const result of windowResults(loaded, request)) {
    const next = beside === null ? null : await beside.next()
    const otherResult = next === null || next.done === true ? null : next.value
    own.add(result, otherResult)
    if (otherResult !== null) others!.add(otherResult, null)
  }
  return { own: own.tokens(), other: others?.tokens() ?? new Map<string, LayerTokens>(), change: own.changes() }
}
