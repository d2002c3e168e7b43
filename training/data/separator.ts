/** Detects the column separator of a table. */
import { DataError } from '../errors.ts'
import { isNumber } from './number.ts'

/** By the names in options and messages. Several spaces are one separator. */
export const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|', space: ' ' } as const

export type SeparatorName = keyof typeof SEPARATORS

/** The separators that are detected. */
const DETECTED = ['comma', 'semicolon', 'tab', 'pipe'] as const satisfies readonly SeparatorName[]

/** The number of lines that are compared if the first line has several separators. */
const SAMPLE = 20

const withoutQuotes = (line: string): string => line.replace(/"(?:[^"]|"")*"/g, '0')

/** Whether it splits all lines into the same number of columns, with numbers in the last line. */
function splitsEvenly(lines: readonly string[], separator: SeparatorName): boolean {
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
  const present = DETECTED.filter((separator) => first.includes(SEPARATORS[separator]))
  if (present.length === 1) return present[0]
  if (present.length === 0) {
    const help = /\S +\S/.test(first.trim()) ? '; --separator space reads columns separated by spaces' : ''
    throw new DataError(
      name,
      1,
      `has one column; expected pixels and a label, separated by ${DETECTED.slice(0, -1).join(', ')} or ${DETECTED.at(-1)}${help}`,
    )
  }
  const fitting = present.filter((separator) => splitsEvenly(lines.slice(0, SAMPLE), separator))
  if (fitting.length === 1) return fitting[0]
  throw new DataError(name, 1, `has ${present.join(' and ')}, and either may be the separator; choose it with --separator`)
}
