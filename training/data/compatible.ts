/** Checks that tables which are read together have the same columns. */
import { DataError } from '../errors.ts'
import type { Data, Field } from './data.ts'

/** Describes the first column whose headings differ; null if none does, or a file has no headings. */
function otherHeading(first: Field, other: Field): string | null {
  const at = (other.headings ?? []).findIndex((heading, column) => heading !== (first.headings?.[column] ?? heading))
  return at < 0 ? null : `heading ${at + 1} of ${other.name} is '${other.headings![at]}' instead of '${first.headings![at]}'`
}

/** Whether a field is in another column. Equal headings make the order irrelevant. */
const isElsewhere = (first: Field, other: Field): boolean =>
  first.column !== other.column && (first.headings === undefined || other.headings === undefined)

/** Throws a DataError if two tables have different column orders or headings. */
export function checkCompatible(first: Data, other: Data): void {
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
        `has its ${field.name} in column ${field.column}, ${first.name} in column ${known.column}; --label names the label column of both`,
      )
    }
  }
}
