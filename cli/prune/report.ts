/** What was removed, and what it cost. */
import type { Evaluation } from '../../analysis/eval/evaluate.ts'
import { comparisonJson, comparisonText } from '../eval/comparison.ts'
import { reportJson, reportText, type ExportReport } from '../export/report.ts'
import { table } from '../output.ts'
import type { PrunedLayer } from './layers.ts'
import type { SpecModel } from './spec.ts'

export interface PruneReport {
  /** As typed. */
  readonly by: string
  readonly isHighest: boolean
  readonly layers: readonly PrunedLayer[]
  readonly exported: ExportReport
  /** Where a spec was written in the place of a config. */
  readonly spec: SpecModel | null
  /** The smaller model, with the original as the other one; null where there is no text. */
  readonly evaluation: Evaluation | null
}

export const pruneJson = ({ by, layers, exported, spec, evaluation }: PruneReport): unknown => ({
  by,
  layers: layers.map(({ path, kept, removed, scores }) => ({ layer: path, kept, removed, scores: [...scores] })),
  evaluation: comparisonJson(evaluation),
  spec: spec === null ? null : { file: spec.name, no_config: spec.reason },
  export: reportJson(exported),
})

const figures = (value: number): string => value.toPrecision(6)

/** The scores next to the line between those that stay and those that go. */
function lineOf({ path, kept, removed, scores }: PrunedLayer, isHighest: boolean): readonly string[] {
  const of = (experts: readonly number[]): readonly number[] => experts.map((e) => scores[e])
  const [worst, best] = isHighest ? [Math.min, Math.max] : [Math.max, Math.min]
  const goes = removed.length === 0 ? '-' : figures(best(...of(removed)))
  return [path, `${kept.length} of ${scores.length}`, figures(worst(...of(kept))), goes, removed.join(', ') || 'none']
}

/** Why there is no config. */
const specText = ({ name, reason }: SpecModel): string =>
  `${name} has the numbers, and there is no config: ${reason ?? 'one could say it too, by --to hf'}`

export function pruneText({ isHighest, layers, exported, spec, evaluation }: PruneReport): string {
  const head = ['layer', 'experts', isHighest ? 'lowest kept' : 'highest kept', 'next removed', 'removed']
  const rows = [head, ...layers.map((layer) => lineOf(layer, isHighest))]
  return `${table(rows, '<>>><')}${evaluation === null ? '' : comparisonText(evaluation)}\n${reportText(exported, spec === null ? null : specText(spec))}`
}
