/** Columns of a table as options name them. */
import { nearNames } from '../../runtime/near.ts'
import { DataError } from '../errors.ts'

const shown = (headings: readonly string[]): string =>
  headings.length > 8 ? `${headings.slice(0, 8).join(', ')} and ${headings.length - 8} more` : headings.join(', ')

const help = (named: string, headings: readonly string[] | null): string => {
  if (headings === null) return 'there is no heading: columns are named by their numbers, from 1'
  const near = nearNames(named, headings)
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : `its headings are ${shown(headings)}`
}

/** The column, from 0, of a heading or of a number from 1. A number is never a heading. Throws a DataError. */
export function columnOf(named: string, width: number, headings: readonly string[] | null, name: string): number {
  if (/^\d+$/.test(named)) {
    const column = Number(named) - 1
    if (column >= 0 && column < width) return column
    throw new DataError(name, null, `has the columns 1 to ${width}, none is column ${named}`)
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
        `has ${found.length} columns with the heading '${named}', ${found.map((column) => column + 1).join(' and ')}; a number names one`,
      )
  }
  throw new DataError(name, null, `has no column '${named}'; ${help(named, headings)}`)
}
