/** Strict parser of tables of numbers. The separator and the headings are detected or given by options. */
import { DataError } from '../errors.ts'
import { columnOf } from './columns.ts'
import { headingKind, namesRows } from './headings.ts'
import { readNumber, type Decimal } from './number.ts'
import { linesOf, recordsOf, type TableRecord } from './records.ts'
import { findSeparator, SEPARATORS, type SeparatorName } from './separator.ts'

export interface TableOptions {
  /** The column of the label: its heading, or its number from 1. */
  readonly label?: string
  /** Columns to leave out, by heading or number. */
  readonly ignore?: readonly string[]
  readonly separator?: SeparatorName
  readonly decimal?: Decimal
  /** Whether the first line is a heading. */
  readonly heading?: boolean
}

export interface Table {
  /** Numbers of the columns that were read, from 1 in the file. */
  readonly columns: readonly number[]
  /** The headings of those columns; null if the table has none. */
  readonly headings: readonly string[] | null
  /** Row-major. */
  readonly values: Float64Array
  /** The line of each row, from 1. */
  readonly lines: Uint32Array
  /** Notes on choices that are not obvious. */
  readonly notes: readonly string[]
}

interface Body {
  readonly headings: readonly string[] | null
  readonly rows: readonly TableRecord[]
  readonly notes: readonly string[]
}

function bodyOf(records: readonly TableRecord[], { heading }: TableOptions, name: string): Body {
  const kind = heading === undefined && records.length > 0 ? headingKind(records[0].cells) : null
  const isHeaded = heading ?? kind !== null
  const rows = records.slice(isHeaded ? 1 : 0)
  if (rows.length === 0) throw new DataError(name, null, 'has no rows')
  const { cells, line } = records[0]
  const notes =
    kind === 'counted'
      ? [
          `${name}: line ${line}, ${cells.slice(0, 3).join(', ')}, ... ${cells.at(-1)}, is read as a heading; --heading no reads it as an example`,
        ]
      : []
  return { headings: isHeaded ? cells.map((cell) => cell.trim()) : null, rows, notes }
}

/** Throws a DataError for a column of row numbers. */
function checkFeatures({ headings, columns, values, lines }: Table, name: string): void {
  const width = columns.length
  const isRowNumber = (column: number): boolean =>
    lines.length > 2 &&
    lines.every((_, row) => row === 0 || values[row * width + column] === values[(row - 1) * width + column] + 1)
  const at = (headings ?? []).findIndex((heading, column) => namesRows(heading) && isRowNumber(column))
  if (at < 0) return
  const shown = headings![at] === '' ? 'without a heading' : `'${headings![at]}'`
  throw new DataError(name, null, `column ${columns[at]}, ${shown}, is a row number; --ignore ${columns[at]} leaves it out`)
}

/** Parses a table with rows of equal length. Throws a DataError with the line and the column. */
export function parseCsv(text: string, name: string, options: TableOptions = {}): Table {
  const lines = linesOf(text)
  if (lines.length === 0) throw new DataError(name, null, 'has no rows')
  const separator = options.separator ?? findSeparator(lines, name)
  const normalized = separator === 'space' ? lines.map((line) => line.trim().replace(/\s+/g, ' ')) : lines
  const records = recordsOf(normalized, SEPARATORS[separator], name)
  const { headings, rows, notes } = bodyOf(records, options, name)
  const width = records[0].cells.length
  const ignored = new Set((options.ignore ?? []).map((column) => columnOf(column, width, headings, name)))
  const kept = records[0].cells.flatMap((_, column) => (ignored.has(column) ? [] : [column]))
  const values = new Float64Array(rows.length * kept.length)
  let at = 0
  for (const { cells, line } of rows) {
    if (cells.length !== width)
      throw new DataError(name, line, `has ${cells.length} columns, line ${records[0].line} has ${width}`)
    for (const column of kept) {
      const value = readNumber(cells[column], options.decimal ?? 'point')
      if (typeof value === 'string') throw new DataError(name, line, `column ${column + 1} ${value}`)
      values[at++] = value
    }
  }
  const table = {
    columns: kept.map((column) => column + 1),
    headings: headings === null ? null : kept.map((column) => headings[column]),
    values,
    lines: Uint32Array.from(rows, ({ line }) => line),
    notes,
  }
  checkFeatures(table, name)
  return table
}
