/** What was removed, and what it cost. */
import type { Evaluation } from '../../analysis/eval/evaluate.ts'
import { comparisonJson, comparisonText } from '../eval/comparison.ts'
import { reportJson, reportText, type ExportReport } from '../export/report.ts'
import { table } from '../output.ts'
import type { PrunedLayer } from './prune.ts'

export interface PruneReport {
  /** As typed. */
  readonly by: string
  readonly isHighest: boolean
  readonly layers: readonly PrunedLayer[]
  readonly exported: ExportReport
  /** The smaller model, with the original as the other one; null where there is no text. */
  readonly evaluation: Evaluation | null
}

export const pruneJson = ({ by, layers, exported, evaluation }: PruneReport): unknown => ({
  by,
  layers: layers.map(({ path, kept, removed, scores }) => ({ layer: path, kept, removed, scores: [...scores] })),
  evaluation: comparisonJson(evaluation),
  export: reportJson(exported),
})

const figures = (value: number): string => value.toPrecision(6)

/** The scores next to the line between those that stay and those that go. */
function lineOf({ path, kept, removed, scores }: PrunedLayer, isHighest: boolean): readonly string[] {
  const of = (experts: readonly number[]): readonly number[] => experts.map((e) => scores[e])
  const [worst, best] = isHighest ? [Math.min, Math.max] : [Math.max, Math.min]
  const [stays, goes] = [worst(...of(kept)), best(...of(removed))]
  return [path, `${kept.length} of ${scores.length}`, figures(stays), figures(goes), removed.join(', ')]
}

export function pruneText({ isHighest, layers, exported, evaluation }: PruneReport): string {
  const head = ['layer', 'experts', isHighest ? 'lowest kept' : 'highest kept', 'next removed', 'removed']
  const rows = [head, ...layers.map((layer) => lineOf(layer, isHighest))]
  return `${table(rows, '<>>><')}${evaluation === null ? '' : comparisonText(evaluation)}\n${reportText(exported)}`
}
