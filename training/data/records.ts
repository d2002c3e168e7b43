/** Splits a table into records: quoted fields as in RFC 4180, lines that end in LF, CR LF or CR. */
import { DataError } from '../errors.ts'

export interface TableRecord {
  readonly cells: readonly string[]
  /** Line of the file in which the record begins, from 1. */
  readonly line: number
}

/** Parses a record with quotes that begins at `lines[at]`. Returns its cells and the index of the next line. */
function quotedRecord(
  lines: readonly string[],
  at: number,
  separator: string,
  name: string,
): readonly [readonly string[], number] {
  const cells: string[] = []
  let [text, next, position] = [lines[at], at + 1, 0]
  for (;;) {
    const [, space] = /( *)/y.exec(text.slice(position))!
    if (text[position + space.length] !== '"') {
      const end = text.indexOf(separator, position)
      cells.push(text.slice(position, end < 0 ? undefined : end))
      if (end < 0) return [cells, next]
      position = end + separator.length
      continue
    }
    let value = ''
    for (position += space.length + 1; ;) {
      const end = text.indexOf('"', position)
      if (end >= 0) {
        value += text.slice(position, end)
        position = end + 1
        if (text[position] !== '"') break
        value += '"'
        position++
      } else {
        if (next === lines.length) throw new DataError(name, at + 1, `column ${cells.length + 1} has an unclosed quote`)
        value += `${text.slice(position)}\n`
        ;[text, position] = [lines[next++], 0]
      }
    }
    cells.push(value)
    const rest = text.slice(position).replace(/^ +/, '')
    if (rest === '') return [cells, next]
    if (!rest.startsWith(separator)) throw new DataError(name, next, `column ${cells.length} has text after its closing quote`)
    position = text.indexOf(separator, position) + separator.length
  }
}

/**
 * All records; empty lines at the end are ignored. Throws a DataError for an unclosed quote and for an empty line between
 * records.
 */
export function recordsOf(lines: readonly string[], separator: string, name: string): readonly TableRecord[] {
  const records: TableRecord[] = []
  for (let at = 0; at < lines.length;) {
    const line = lines[at]
    if (line.trim() === '') throw new DataError(name, at + 1, 'is empty')
    const [cells, next] = line.includes('"') ? quotedRecord(lines, at, separator, name) : [line.split(separator), at + 1]
    records.push({ cells, line: at + 1 })
    at = next
  }
  return records
}

/** Lines of a text, without the empty ones at its end. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/)
  while (lines.length > 0 && lines[lines.length - 1].trim() === '') lines.pop()
  return lines
}
