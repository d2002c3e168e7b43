/** Names of weights, and whatever else goes by its path, as a union type, short where they differ only in running numbers. */
import { literal } from './names.ts'

interface Family {
  /** The name between its numbers: `layers.`, `.moe.router.gate`. */
  readonly parts: readonly string[]
  /** One row a member. */
  readonly numbers: readonly (readonly number[])[]
}

/** Whole segments of a path that are numbers, as in `layers.12.moe` and `layers.12/moe`. */
const NUMBER = /(?<=^|\.)(\d+)(?=[./]|$)/

function families(names: readonly string[]): readonly Family[] {
  const byShape = new Map<string, Family>()
  for (const name of names) {
    const pieces = name.split(NUMBER)
    const parts = pieces.filter((_, at) => at % 2 === 0)
    const numbers = pieces.filter((_, at) => at % 2 === 1).map(Number)
    const key = parts.join('{}')
    byShape.set(key, { parts, numbers: [...(byShape.get(key)?.numbers ?? []), numbers] })
  }
  return [...byShape.values()]
}

const valuesAt = (rows: Family['numbers'], place: number): readonly number[] =>
  [...new Set(rows.map((row) => row[place]))].sort((a, b) => a - b)

/** The template that means exactly these names; null where the numbers are no full product. */
function template({ parts, numbers }: Family): string | null {
  const values = parts.slice(1).map((_, place) => valuesAt(numbers, place))
  const product = values.reduce((all, some) => all * some.length, 1)
  if (values.length === 0 || numbers.length < 2 || product !== numbers.length) return null
  const text = parts.map((part, at) => (at === 0 ? part : `\${${values[at - 1].join(' | ')}}${part}`)).join('')
  return `\`${text}\``
}

const literals = ({ parts, numbers }: Family): readonly string[] =>
  numbers.map((row) => literal(parts.map((part, at) => (at === 0 ? part : `${row[at - 1]}${part}`)).join('')))

/** Names or templates that mean exactly these names together. */
export const unionMembers = (names: readonly string[]): readonly string[] =>
  families(names).flatMap((family) => template(family) ?? literals(family))

/** One line a member of the union; `never` where there is no name. */
export function weightUnion(names: readonly string[]): string {
  const members = unionMembers(names)
  return members.length === 0 ? 'never' : members.map((member) => `\n| ${member}`).join('')
}
