/** What each field of a config became: the table of `smoe import --explain`. */
import { shown, type Fields } from './fields.ts'

export interface FieldReport {
  /** With the groups that lead to it: `rope_parameters.factor`. */
  readonly field: string
  /** As written in the config; what counts in its place, where it is absent. */
  readonly value: string
  readonly became: string
  /** Whether it is a number with a fraction. */
  readonly isReal: boolean
}

interface Told {
  readonly value: unknown
  readonly fallback: unknown
  readonly phrases: readonly string[]
  readonly isReal: boolean
}

/** The fields in the order of the config, those that were absent and have a default behind them. */
export function explainFields(
  config: Readonly<Record<string, unknown>>,
  { reads }: Fields,
  others: Readonly<Record<string, string>>,
): readonly FieldReport[] {
  const became = new Map<string, Told>()
  for (const { name, value, fallback, became: phrase, isReal } of reads) {
    const known = became.get(name)
    became.set(name, {
      value,
      fallback,
      phrases: [...new Set([...(known?.phrases ?? []), phrase])],
      isReal: known?.isReal === true || isReal,
    })
  }
  const report = (name: string): FieldReport => {
    const { value, fallback, phrases, isReal } = became.get(name)!
    const text = value === undefined ? `absent: ${shown(fallback ?? null)}` : shown(value)
    return { field: name, value: text, became: phrases.join('; '), isReal }
  }
  const fromConfig = Object.keys(config).flatMap((name): readonly FieldReport[] => {
    const inside = [...became.keys()].filter((key) => key.startsWith(`${name}.`))
    if (became.has(name)) return [{ ...report(name), value: shown(config[name]) }, ...inside.map(report)]
    if (inside.length > 0) return inside.map(report)
    const phrase = Object.hasOwn(others, name) ? others[name] : config[name] === null ? 'nothing: it is null' : 'nothing'
    return [{ field: name, value: shown(config[name]), became: phrase, isReal: false }]
  })
  const given = new Set(fromConfig.map(({ field }) => field))
  const absent = [...became.keys()].filter((name) => !given.has(name) && became.get(name)!.fallback !== null)
  return [...fromConfig, ...absent.map(report)]
}

/** Columns of text, wide enough for their longest cell. */
export function explainTable(reports: readonly FieldReport[]): string {
  const rows = [['field', 'value', 'became'], ...reports.map(({ field, value, became }) => [field, value, became])]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map(([field, value, became]) => `${field.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${became}\n`).join('')
}
