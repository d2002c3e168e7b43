/** Finds a column of a table by its heading or its number. */
import { nearNames } from '../../runtime/near.ts'
import { DataError } from '../errors.ts'

const listed = (headings: readonly string[]): string =>
  headings.length > 8 ? `${headings.slice(0, 8).join(', ')} and ${headings.length - 8} more` : headings.join(', ')

const suggestion = (named: string, headings: readonly string[] | null): string => {
  if (headings === null) return 'the table has no headings: give the number of a column, from 1'
  const near = nearNames(named, headings)
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : `its headings are ${listed(headings)}`
}

/** The index of a column, from 0, by its heading or its number from 1. Digits are always a number. Throws a DataError. */
export function columnOf(named: string, width: number, headings: readonly string[] | null, name: string): number {
  if (/^\d+$/.test(named)) {
    const column = Number(named) - 1
    if (column >= 0 && column < width) return column
    throw new DataError(name, null, `has columns 1 to ${width}, not ${named}`)
  }
  for (const same of [
    (heading: string) => heading === named,
    (heading: string) => heading.toLowerCase() === named.toLowerCase(),
  ]) {
    const found = (headings ?? []).flatMap((heading, column) => (same(heading) ? [column] : []))
    if (found.length === 1) return found[0]
    if (found.length > 1)
      throw new DataError(
        name,
        null,
        `has ${found.length} columns with the heading '${named}', ${found.map((column) => column + 1).join(' and ')}; give a number`,
      )
  }
  throw new DataError(name, null, `has no column '${named}'; ${suggestion(named, headings)}`)
}
