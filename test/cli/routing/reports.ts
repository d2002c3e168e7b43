/** Reports of made-up runs: a few experts are wanted more than others, some by nobody. */
import { createRandom } from '../../../cli/random.ts'
import type { RoutedLayer, RouteRecord } from '../../../runtime/routing/record.ts'
import { reportRoutes, type ReportFacts, type RoutingReport } from '../../../runtime/routing/report.ts'

export interface Sizes {
  readonly layers: number
  readonly experts: number
  readonly tokens: number
  readonly k: number
}

/** Every k experts out of E by weights drawn once a layer; Gumbel, 1954: the largest of log w + noise. */
function layerOf(name: string, { experts, tokens, k }: Sizes, unevenness: number, random: () => number): RoutedLayer {
  const liked = Array.from({ length: experts }, () =>
    random() < 0.04 * unevenness ? -Infinity : unevenness * (random() + random() + random() - 1.5),
  )
  const selected = new Int32Array(tokens * k)
  const weights = new Float32Array(tokens * k)
  for (let token = 0; token < tokens; token++) {
    const scores = liked.map((value, expert) => ({ expert, score: value - Math.log(-Math.log(random() + 1e-12)) }))
    const best = scores.sort((a, b) => b.score - a.score).slice(0, k)
    for (const [slot, { expert }] of best.entries()) {
      const isDropped = random() < 0.03 * (unevenness - 0.9)
      selected[token * k + slot] = isDropped ? -1 : expert
      weights[token * k + slot] = isDropped ? 0 : (k - slot) / ((k * (k + 1)) / 2)
    }
  }
  return { name, experts, tokens, k, selected, weights }
}

export function madeUp(
  sizes: Sizes,
  seed: number,
  facts: Partial<ReportFacts> = {},
): { readonly record: RouteRecord; readonly report: RoutingReport } {
  const random = createRandom(seed)
  const record = {
    layers: Array.from({ length: sizes.layers }, (_, at) => layerOf(`layers.${at}/moe`, sizes, 0.6 + 0.8 * random(), random)),
  }
  return {
    record,
    report: reportRoutes(record, { model: 'made_up', adapter: 'no adapter', dims: { B: 1, S: sizes.tokens }, ...facts }),
  }
}
