/** Adds up what routed layers decide, window by window. */
import { changeRateSet, changeRateTop1 } from '../../runtime/routing/change-rate.ts'
import { load } from '../../runtime/routing/load.ts'
import { maxVio } from '../../runtime/routing/max-vio.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { variation } from '../../runtime/routing/variation.ts'

/** How the decisions for the same tokens differ from those of another model. */
export interface RoutingChange {
  /** Mean over tokens of 1 - |I n I'| / k. LibMoE, appendix E. */
  readonly set: number
  /** Share of tokens whose first expert differs. */
  readonly top1: number
}

export interface LayerLoad {
  readonly name: string
  readonly experts: number
  readonly k: number
  /** Assignments of each expert. */
  readonly load: readonly number[]
  readonly dropped: number
  readonly cv: number | null
  readonly maxVio: number | null
  /** Null without another model, or where its layer has other experts. */
  readonly change: RoutingChange | null
}

interface Sums {
  readonly counts: number[]
  dropped: number
  tokens: number
  set: number
  top1: number
  isCompared: boolean
}

export interface LayerSums {
  /** Adds the tokens from `fresh` on of a run, beside those of another model where there is one. */
  readonly add: (layers: readonly RoutedLayer[], others: readonly RoutedLayer[] | null, fresh: number) => void
  readonly result: () => readonly LayerLoad[]
}

const tokensFrom = (layer: RoutedLayer, from: number): RoutedLayer => ({
  name: layer.name,
  experts: layer.experts,
  k: layer.k,
  tokens: layer.tokens - from,
  selected: layer.selected.subarray(from * layer.k),
  weights: layer.weights.subarray(from * layer.k),
})

/** Layers of two models pair by their order, where both have as many of them and of experts. */
const partner = (layers: readonly RoutedLayer[], others: readonly RoutedLayer[] | null, at: number): RoutedLayer | null =>
  others !== null && others.length === layers.length && others[at].experts === layers[at].experts ? others[at] : null

export function createLayerSums(): LayerSums {
  let [shapes, sums]: [readonly RoutedLayer[], readonly Sums[]] = [[], []]

  const addLayer = (sum: Sums, layer: RoutedLayer, other: RoutedLayer | null): void => {
    const { counts, dropped } = load(layer)
    counts.forEach((count, expert) => (sum.counts[expert] += count))
    sum.dropped += dropped
    sum.tokens += layer.tokens
    if (other === null || layer.tokens === 0) return
    sum.isCompared = true
    sum.set += changeRateSet(other, layer)! * layer.tokens
    sum.top1 += changeRateTop1(other, layer)! * layer.tokens
  }
  const resultOf = ({ counts, dropped, tokens, set, top1, isCompared }: Sums, at: number): LayerLoad => {
    const { name, experts, k } = shapes[at]
    const whole = { counts, dropped, kept: counts.reduce((all, count) => all + count, 0) }
    return {
      name,
      experts,
      k,
      load: counts,
      dropped,
      cv: variation(whole),
      maxVio: maxVio(whole),
      change: isCompared ? { set: set / tokens, top1: top1 / tokens } : null,
    }
  }
  return {
    add: (layers, others, fresh) => {
      if (sums.length === 0) {
        const empty = ({ experts }: RoutedLayer): Sums => ({
          counts: new Array<number>(experts).fill(0),
          dropped: 0,
          tokens: 0,
          set: 0,
          top1: 0,
          isCompared: false,
        })
        ;[shapes, sums] = [layers, layers.map(empty)]
      }
      for (const [at, layer] of layers.entries()) {
        const other = partner(layers, others, at)
        addLayer(sums[at], tokensFrom(layer, fresh), other === null ? null : tokensFrom(other, fresh))
      }
    },
    result: () => sums.map(resultOf),
  }
}
