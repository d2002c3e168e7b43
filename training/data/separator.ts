/** The separators of columns in a table. */
import { DataError } from '../errors.ts'
import { isNumber } from './number.ts'

/** By the names that options and messages have for them. A run of spaces is one separator. */
export const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|', space: ' ' } as const

export type SeparatorName = keyof typeof SEPARATORS

/** The separators that are detected. */
const FOUND = ['comma', 'semicolon', 'tab', 'pipe'] as const satisfies readonly SeparatorName[]

/** The number of lines that decide if the first line has several separators. */
const SAMPLE = 20

const withoutQuotes = (line: string): string => line.replace(/"(?:[^"]|"")*"/g, '0')

/** Whether it splits all lines into the same number of columns, with numbers in the last line. */
function parts(lines: readonly string[], separator: SeparatorName): boolean {
  const rows = lines.map((line) => withoutQuotes(line).split(SEPARATORS[separator]))
  return (
    rows.every(({ length }) => length === rows[0].length) &&
    rows.at(-1)!.every((cell) => isNumber(cell, 'point') || (separator !== 'comma' && isNumber(cell, 'comma')))
  )
}

/** Lines up to the first after which every quote is closed. */
function firstRecord(lines: readonly string[]): string {
  let text = lines[0]
  for (let at = 1; at < lines.length && text.split('"').length % 2 === 0; at++) text += `\n${lines[at]}`
  return text
}

/** Throws a DataError if the first line has no separator, or several and the other lines do not decide. */
export function findSeparator(lines: readonly string[], name: string): SeparatorName {
  const first = withoutQuotes(firstRecord(lines))
  const there = FOUND.filter((separator) => first.includes(SEPARATORS[separator]))
  if (there.length === 1) return there[0]
  if (there.length === 0) {
    const help = /\S +\S/.test(first.trim()) ? '; --separator space reads columns that spaces part' : ''
    throw new DataError(
      name,
      1,
      `has one column; a row is pixels and a label, parted by ${FOUND.slice(0, -1).join(', ')} or ${FOUND.at(-1)}${help}`,
    )
  }
  const fitting = there.filter((separator) => parts(lines.slice(0, SAMPLE), separator))
  if (fitting.length === 1) return fitting[0]
  throw new DataError(name, 1, `holds ${there.join(' and ')}, either of which may part the columns; --separator says which`)
}
