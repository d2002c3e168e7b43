/** Compares two reports of the same layers. */
import { RouteError } from '../errors.ts'
import { fractions } from './load.ts'
import type { LayerReport, RoutingReport } from './report.ts'

export interface LayerDifference {
  readonly name: string
  /**
   * Total variation of the loads, sum |f - f'| / 2: the share of the load that moved to other experts, 0..1. Null where one has
   * none.
   */
  readonly moved: number | null
  /** The second less the first. */
  readonly cv: number | null
  readonly maxVio: number | null
  readonly allocationEntropy: number | null
  readonly weightEntropy: number | null
  readonly dead: number
  readonly dropped: number
}

const less = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : b - a)

function movedLoad(a: LayerReport, b: LayerReport): number | null {
  if (a.kept === 0 || b.kept === 0) return null
  const [from, to] = [a, b].map(({ load, kept, dropped }) => fractions({ counts: load, kept, dropped }))
  return from.reduce((sum, part, expert) => sum + Math.abs(part - to[expert]), 0) / 2
}

function checkLayers({ layers: a }: RoutingReport, { layers: b }: RoutingReport, name: string): void {
  if (a.length !== b.length) throw new RouteError(name, `has ${b.length} routed layers, the first report has ${a.length}`)
  for (const [at, { name: layer, experts }] of a.entries()) {
    if (b[at].experts !== experts)
      throw new RouteError(name, `${b[at].name} has ${b[at].experts} experts, ${layer} of the first report has ${experts}`)
  }
}

/**
 * Layers are paired by their order; `name` is what messages call the second report. Throws a RouteError where they do not pair.
 */
export function compareReports(a: RoutingReport, b: RoutingReport, name: string): readonly LayerDifference[] {
  checkLayers(a, b, name)
  return a.layers.map((layer, at) => {
    const other = b.layers[at]
    return {
      name: layer.name,
      moved: movedLoad(layer, other),
      cv: less(layer.cv, other.cv),
      maxVio: less(layer.maxVio, other.maxVio),
      allocationEntropy: less(layer.allocationEntropy, other.allocationEntropy),
      weightEntropy: less(layer.weightEntropy, other.weightEntropy),
      dead: other.dead.length - layer.dead.length,
      dropped: other.dropped - layer.dropped,
    }
  })
}
