/** Reads values of a parsed tokenizer by type. Each throws a TokenizerError that names the place: `model.vocab`. */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { TokenizerError } from './errors.ts'

export type Fields = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const NAMES: Readonly<Record<string, string>> = { string: 'a string', number: 'a number', boolean: 'true or false' }
const kindOf = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : (NAMES[typeof value] ?? 'an object')

const refuse = (at: string, wanted: string, value: unknown): never => {
  throw new TokenizerError('format', `'${at}' is ${kindOf(value)}, ${wanted} is needed`)
}

/** What the library does not compute as the authors of the file do. */
export const unsupported = (at: string, what: string): never => {
  throw new TokenizerError('unsupported', `'${at}' ${what}`)
}

export const recordAt = (value: unknown, at: string): Fields => (isRecord(value) ? value : refuse(at, 'an object', value))

export const listAt = (value: unknown, at: string): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : refuse(at, 'a list', value)

export const textAt = (value: unknown, at: string): string => (typeof value === 'string' ? value : refuse(at, 'a string', value))

export const flagAt = (value: unknown, at: string, otherwise?: boolean): boolean =>
  typeof value === 'boolean' ? value : value == null && otherwise !== undefined ? otherwise : refuse(at, 'true or false', value)

export const wholeAt = (value: unknown, at: string, most: number, otherwise?: number): number => {
  if (value == null && otherwise !== undefined) return otherwise
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  return refuse(at, `a whole number up to ${most}`, value)
}

/** An empty string counts as none. */
export const textOrNone = (value: unknown, at: string): string | null =>
  value == null || value === '' ? null : textAt(value, at)

/** The `type` of a component. */
export const typeAt = (value: unknown, at: string): string => textAt(recordAt(value, at).type, `${at}.type`)

/** At most so many components, in a list of them. */
const MOST_COMPONENTS = 256

/** A component by its type, or a `Sequence` of components under `list`. */
export function components<T>(
  value: unknown,
  at: string,
  list: string,
  table: Readonly<Record<string, (fields: Fields, at: string) => readonly T[]>>,
): readonly T[] {
  const type = typeAt(value, at)
  const fields = value as Fields
  if (type === 'Sequence') {
    const parts = listAt(fields[list], `${at}.${list}`)
    if (parts.length > MOST_COMPONENTS) unsupported(`${at}.${list}`, `has more than ${MOST_COMPONENTS} components`)
    return parts.flatMap((part, index) => components(part, `${at}.${list}[${index}]`, list, table))
  }
  if (!Object.hasOwn(table, type)) unsupported(at, `is of the type ${quoted(type)}, which is not supported`)
  return table[type](fields, at)
}
