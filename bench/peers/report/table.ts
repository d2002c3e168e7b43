/** The report as an aligned table: a line for each candidate that ran, and the reasons of those that did not. */
import { milliseconds, table } from '../../../cli/output.ts'
import type { Outcome, Report, Result } from '../results.ts'

const timeOf = (outcome: Outcome): readonly string[] =>
  outcome.kind === 'timed' ? [milliseconds(outcome.best), milliseconds(outcome.median)] : [outcome.kind, '']

const errorOf = (outcome: Outcome): number => ('error' in outcome ? outcome.error : 0)

const rowOf = ({ label, version, outcomes }: Result): readonly string[] => [
  label,
  version ?? '',
  ...outcomes.flatMap(timeOf),
  version === null ? '' : Math.max(...outcomes.map(errorOf)).toExponential(0),
]

/** Each reason once. */
const reasonsOf = ({ label, outcomes }: Result): readonly string[] => [
  ...new Set(outcomes.flatMap((outcome) => ('reason' in outcome ? [`${label}: ${outcome.kind}: ${outcome.reason}\n`] : []))),
]

const size = ({ size: { experts, k, width, hidden } }: Report): string =>
  `SwiGLU mixture of experts, f32, E=${experts} k=${k} d=${width} ff=${hidden}`

export function reportTable(report: Report): string {
  const head = ['', 'version', ...report.tokens.flatMap((tokens) => [`T=${tokens}, ms`, 'median']), 'error']
  const rows = table([head, ...report.results.map(rowOf)], `<<${'>'.repeat(report.tokens.length * 2 + 1)}`)
  const reasons = report.results.flatMap(reasonsOf)
  return `${size(report)}\n\n${rows}${reasons.length === 0 ? '' : `\n${reasons.join('')}`}`
}

/** Where, when and how it was measured, a line each. */
export const reportFacts = ({ machine, date, command }: Report): readonly string[] => [
  `machine: ${machine.processor}, ${machine.cores} cores, ${machine.memory} GiB, ${machine.system}, Node ${machine.node}`,
  `load: ${machine.load.map((load) => load.toFixed(1)).join(' before the first run, ')} after the last`,
  `date: ${date}`,
  `command: ${command}`,
]
