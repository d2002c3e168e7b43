/** What the page shows of its reports. */
import type { LayerReport, RoutingReport } from '../../../../runtime/routing/report.ts'
import type { Theme } from '../../colour.ts'
import { labelsOf, type Labels } from '../../names.ts'
import { relativeLoad } from '../../scale.ts'

/** One of the reports, or the second less the first. */
export type View = 0 | 1 | 'difference'

export interface State {
  readonly reports: readonly RoutingReport[]
  readonly names: readonly string[]
  readonly labels: Labels
  readonly view: View
  readonly layer: number
  readonly theme: Theme
}

/** A, B */
export const letter = (report: number): string => 'AB'[report]

/** The report that bars and single numbers are drawn of. */
export const shown = ({ reports, view }: State): RoutingReport => reports[view === 0 ? 0 : reports.length - 1]

export const relative = (layer: LayerReport, expert: number): number =>
  relativeLoad(layer.load[expert], layer.experts, layer.kept)

export const labelsFor = (reports: readonly RoutingReport[]): Labels => labelsOf(reports[0].layers.map(({ name }) => name))

/** Co-activation: of the slots that i answers, the tokens that j answers too. */
export function together({ experts, load, pairs }: LayerReport, i: number, j: number): number {
  if (i === j || load[i] === 0) return 0
  const [low, high] = i < j ? [i, j] : [j, i]
  return pairs[low * experts - (low * (low + 1)) / 2 + high - low - 1] / load[i]
}
