import { DataError } from '../errors.ts'
import type { Data, Field } from './data.ts'

/** The first column whose headings differ, as a sentence; null where none does, or where a file has no heading. */
function otherHeading(first: Field, other: Field): string | null {
  const at = (other.headings ?? []).findIndex((heading, column) => heading !== (first.headings?.[column] ?? heading))
  return at < 0 ? null : `number ${at + 1} of its ${other.name} is '${other.headings![at]}', there it is '${first.headings![at]}'`
}

/** Fields in different columns differ, unless their headings are equal. */
const isElsewhere = (first: Field, other: Field): boolean =>
  first.column !== other.column && (first.headings === undefined || other.headings === undefined)

/** Throws a DataError if two tables have different column orders or headings. */
export function checkAlike(first: Data, other: Data): void {
  if (first.kind === 'stream' || other.kind === 'stream') return
  for (const field of other.fields) {
    const known = first.fields.find(({ name }) => name === field.name)
    if (known === undefined) continue
    const heading = otherHeading(known, field)
    if (heading !== null) throw new DataError(other.name, null, `has other columns than ${first.name}: ${heading}`)
    if (isElsewhere(known, field)) {
      throw new DataError(
        other.name,
        null,
        `has its ${field.name} from column ${field.column} on, ${first.name} from column ${known.column}; --label says of both which column is the label`,
      )
    }
  }
}
