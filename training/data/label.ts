/** Finds the label column of a table. */
import { DataError } from '../errors.ts'
import { columnOf } from './columns.ts'
import type { Table } from './csv.ts'
import { endsSeries, labelColumns } from './headings.ts'

export interface Label {
  /** Its index among the columns that were read, from 0. */
  readonly at: number
  /** Whether it was guessed from its position. */
  readonly isAssumed: boolean
}

function labelFromOption(label: string, { columns, headings }: Table, name: string): number {
  // numbers count the columns of the file, headings those that were read
  if (!/^\d+$/.test(label)) return columnOf(label, columns.length, headings, name)
  const at = columns.indexOf(Number(label))
  if (at >= 0) return at
  throw new DataError(
    name,
    null,
    `column ${label}, the label, is not among the columns that are read, ${columns[0]} to ${columns.at(-1)}`,
  )
}

/**
 * The option, else the heading, else the last column. Throws a DataError if two headings name a label, or the last column
 * continues a series.
 */
export function labelOf(table: Table, label: string | undefined, name: string): Label {
  if (label !== undefined) return { at: labelFromOption(label, table, name), isAssumed: false }
  const { columns, headings } = table
  const last = { at: columns.length - 1, isAssumed: true }
  if (headings === null) return last
  const named = labelColumns(headings)
  if (named.length === 1) return { at: named[0], isAssumed: false }
  if (named.length > 1) {
    const shown = named
      .slice(0, 4)
      .map((at) => `'${headings[at]}' (column ${columns[at]})`)
      .join(', ')
    throw new DataError(name, null, `has ${named.length} columns that may be the label: ${shown}; choose one with --label`)
  }
  if (!endsSeries(headings)) return last
  throw new DataError(
    name,
    null,
    `no heading names a label, and the last one, '${headings.at(-1)}', continues '${headings.at(-2)}'; choose the label with --label NAME or --label NUMBER`,
  )
}

/** `a.csv: labels are column 1, 'label'` */
export function labelNote({ at, isAssumed }: Label, { columns, headings }: Table, name: string): string {
  return `${name}: labels are column ${columns[at]}${headings === null ? '' : `, '${headings[at]}'`}${isAssumed ? ', the last' : ''}`
}
