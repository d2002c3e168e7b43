/** The routing report: every diagnostic of a record, as JSON. `docs/routing-report.md` describes it. */
import { RouteError } from '../errors.ts'
import { allocationEntropy } from './allocation-entropy.ts'
import { balance, type Balance } from './balance.ts'
import { changeRateSet, changeRateTop1 } from './change-rate.ts'
import { coactivation } from './coactivation.ts'
import type { Collapse, RandomRows, RouterVerdict } from './collapse.ts'
import { deadExperts } from './dead.ts'
import { load } from './load.ts'
import { loadCollapse, type LoadCollapse } from './load-collapse.ts'
import { margin, type Margin } from './margin.ts'
import { maxVio } from './max-vio.ts'
import { overlap } from './overlap.ts'
import { checkRecord, type RoutedLayer, type RouteRecord } from './record.ts'
import { variation, variationSquared } from './variation.ts'
import { weightEntropy } from './weight-entropy.ts'

export const REPORT_FORMAT = 'smoe routing report'
export const REPORT_VERSION = 3

export interface RoutingReport {
  readonly format: typeof REPORT_FORMAT
  readonly version: typeof REPORT_VERSION
  readonly model: string
  /** What computed it. */
  readonly adapter: string
  /** The dims of the run: `{ B: 2, S: 24 }`. */
  readonly dims: Readonly<Record<string, number>>
  /** The record that was replayed in the place of what the policies choose; null where they chose. */
  readonly replayed: string | null
  /** The record that `LayerReport.against` compares with; null where there is none. */
  readonly against: string | null
  /** In the order of the run. */
  readonly layers: readonly LayerReport[]
}

/** A number is null where it has no meaning: of no tokens, of one expert. */
export interface LayerReport {
  readonly name: string
  readonly experts: number
  readonly tokens: number
  readonly k: number
  /** The number of slots assigned to each expert. */
  readonly load: readonly number[]
  readonly kept: number
  /** kept + dropped = tokens * k. */
  readonly dropped: number
  readonly cv: number | null
  readonly cvSquared: number | null
  readonly maxVio: number | null
  readonly dead: readonly number[]
  /** Whether the loads lie as near to their mean as the model requires; null where it does not say. */
  readonly balance: Balance | null
  readonly allocationEntropy: number | null
  /** Whether tokens go to few experts. */
  readonly loadCollapse: LoadCollapse
  readonly weightEntropy: number | null
  readonly margin: Margin | null
  /** Tokens that chose both i and j, for i < j: (0, 1), (0, 2), ... Divided by `load[i]` it is the co-activation. */
  readonly pairs: readonly number[]
  /** Of each weight of the router that has a row an expert. */
  readonly collapse: readonly RouterCollapse[]
  readonly against: Against | null
}

export interface RouterCollapse extends Collapse {
  readonly weight: string
  /** What random rows of that number and width have; null in reports of version 2. */
  readonly random: RandomRows | null
  readonly verdict: RouterVerdict
}

export interface Against {
  /** Expert change rate of the first expert, and of the set. */
  readonly changeTop1: number | null
  readonly changeSet: number | null
  /** Mean |I n I'| / k; the router saturation where the other record is of the last checkpoint. */
  readonly overlap: number | null
}

export interface ReportFacts {
  readonly model: string
  readonly adapter: string
  readonly dims: Readonly<Record<string, number>>
  readonly replayed?: string
  /** By the name of a layer. */
  readonly collapse?: Readonly<Record<string, LayerReport['collapse']>>
  /** Percent of the mean, by the name of a layer of which `balanced within` is required. */
  readonly within?: Readonly<Record<string, number>>
  readonly against?: { readonly name: string; readonly record: RouteRecord }
}

function against(layer: RoutedLayer, { name, record }: NonNullable<ReportFacts['against']>): Against {
  const other = record.layers.find((candidate) => candidate.name === layer.name)
  if (other === undefined)
    throw new RouteError(
      layer.name,
      `is not in ${name}, which has ${record.layers.map((known) => known.name).join(', ') || 'no layer'}`,
    )
  return { changeTop1: changeRateTop1(other, layer), changeSet: changeRateSet(other, layer), overlap: overlap(layer, other) }
}

function reportLayer(layer: RoutedLayer, facts: ReportFacts): LayerReport {
  const { name, experts, tokens, k } = layer
  const loads = load(layer)
  const within = facts.within?.[name]
  return {
    name,
    experts,
    tokens,
    k,
    load: loads.counts,
    kept: loads.kept,
    dropped: loads.dropped,
    cv: variation(loads),
    cvSquared: variationSquared(loads),
    maxVio: maxVio(loads),
    dead: deadExperts(loads),
    balance: within === undefined ? null : balance(loads, within),
    allocationEntropy: allocationEntropy(loads),
    loadCollapse: loadCollapse(loads, tokens),
    weightEntropy: weightEntropy(layer),
    margin: margin(layer),
    pairs: coactivation(layer).pairs,
    collapse: facts.collapse?.[name] ?? [],
    against: facts.against === undefined ? null : against(layer, facts.against),
  }
}

/** Throws a RouteError for records that cannot be or cannot be compared, a NotFiniteError for weights that are no numbers. */
export function reportRoutes(record: RouteRecord, facts: ReportFacts): RoutingReport {
  checkRecord(record)
  if (facts.against !== undefined) checkRecord(facts.against.record)
  return {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    model: facts.model,
    adapter: facts.adapter,
    dims: facts.dims,
    replayed: facts.replayed ?? null,
    against: facts.against?.name ?? null,
    layers: record.layers.map((layer) => reportLayer(layer, facts)),
  }
}
