/** Routing statistics of the routed layers of a run. */
import { allocationEntropy } from '../runtime/routing/allocation-entropy.ts'
import { changeRateSet, changeRateTop1 } from '../runtime/routing/change-rate.ts'
import { load } from '../runtime/routing/load.ts'
import { maxVio } from '../runtime/routing/max-vio.ts'
import type { RoutedLayer, RouteRecord } from '../runtime/routing/record.ts'
import { variation } from '../runtime/routing/variation.ts'
import { weightEntropy } from '../runtime/routing/weight-entropy.ts'
import type { LayerRouting, ProbedLayer } from './events.ts'

function joinLayers(records: readonly RoutedLayer[]): RoutedLayer {
  const [{ name, experts, k }] = records
  const tokens = records.reduce((sum, record) => sum + record.tokens, 0)
  const [selected, weights] = [new Int32Array(tokens * k), new Float64Array(tokens * k)]
  let at = 0
  for (const record of records) {
    selected.set(record.selected, at)
    weights.set(record.weights, at)
    at += record.selected.length
  }
  return { name, experts, k, tokens, selected, weights }
}

/** Concatenates the records of micro-batches; no layers if one of them was not recorded. */
export function joinRecords(records: readonly (RouteRecord | null)[]): RouteRecord {
  const known = records.filter((record) => record !== null)
  if (known.length === 0 || known.length < records.length) return { layers: [] }
  return known.length === 1
    ? known[0]
    : { layers: known[0].layers.map((_, layer) => joinLayers(known.map(({ layers }) => layers[layer]))) }
}

function describe(layer: RoutedLayer): LayerRouting {
  const loads = load(layer)
  return {
    layer: layer.name,
    tokens: layer.tokens,
    load: loads.counts,
    dropped: loads.dropped,
    cv: variation(loads),
    maxVio: maxVio(loads),
    allocationEntropy: allocationEntropy(loads),
    weightEntropy: weightEntropy(layer),
  }
}

/** Statistics of each layer. */
export const describeRoutes = ({ layers }: RouteRecord): readonly LayerRouting[] => layers.map(describe)

/** Statistics of each layer, and the changes since the probe before. */
export const describeProbe = (before: RouteRecord | null, { layers }: RouteRecord): readonly ProbedLayer[] =>
  layers.map((layer) => {
    const last = before?.layers.find(({ name }) => name === layer.name)
    return {
      ...describe(layer),
      changeTop1: last === undefined ? null : changeRateTop1(last, layer),
      changeSet: last === undefined ? null : changeRateSet(last, layer),
    }
  })
