/** Comma-separated numbers, read strictly. */
import { DataError } from '../errors.ts'

export interface Table {
  readonly columns: number
  /** Row after row. */
  readonly values: Float64Array
  /** Of each row, from 1. */
  readonly lines: Uint32Array
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

function numberOf(cell: string, name: string, line: number, column: number): number {
  const text = cell.trim()
  const value = NUMBER.test(text) ? Number(text) : NaN
  if (Number.isFinite(Math.fround(value))) return value
  const what = text === '' ? 'is empty' : /^[+-]?(?:nan|inf(?:inity)?)$/i.test(text) || NUMBER.test(text) ? `is ${text}, which is not finite in f32` : `is ${JSON.stringify(text)}, no number`
  throw new DataError(name, line, `column ${column} ${what}`)
}

/** A first line without any number is a heading. */
const isHeading = (cells: readonly string[]): boolean => cells.every((cell) => cell.trim() !== '' && !NUMBER.test(cell.trim()) && Number.isNaN(Number(cell)) && !/^[+-]?nan$/i.test(cell.trim()))

/** Rows of one length, from lines that end in LF or CR LF. Throws a DataError with the line. */
export function parseCsv(text: string, name: string): Table {
  const lines = text.split(/\r?\n/)
  while (lines.length > 0 && lines[lines.length - 1].trim() === '') lines.pop()
  const rows = lines.map((line) => line.split(','))
  const first = rows.length > 0 && isHeading(rows[0]) ? 1 : 0
  if (rows.length === first) throw new DataError(name, null, 'has no rows')
  const columns = rows[0].length
  const values = new Float64Array((rows.length - first) * columns)
  for (let at = first; at < rows.length; at++) {
    const cells = rows[at]
    if (lines[at].trim() === '') throw new DataError(name, at + 1, 'is empty')
    if (cells.length !== columns) throw new DataError(name, at + 1, `has ${cells.length} columns, line 1 has ${columns}`)
    for (const [column, cell] of cells.entries()) values[(at - first) * columns + column] = numberOf(cell, name, at + 1, column + 1)
  }
  return { columns, values, lines: Uint32Array.from({ length: rows.length - first }, (_, row) => first + row + 1) }
}
