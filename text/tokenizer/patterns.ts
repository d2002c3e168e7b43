/** Patterns of normalizers and splits: `{ "Regex": ... }` in the syntax of Oniguruma, or `{ "String": ... }`. */
import { recordAt, textAt, unsupported, type Fields } from './fields.ts'

export type Pattern = { readonly kind: 'regex' | 'string'; readonly text: string }

/** Characters. Published patterns have some hundreds. */
const LONGEST = 10_000

export function patternAt(value: unknown, at: string): Pattern {
  const fields: Fields = recordAt(value, at)
  const kind = fields.Regex === undefined ? 'string' : 'regex'
  const text = kind === 'regex' ? textAt(fields.Regex, `${at}.Regex`) : textAt(fields.String, `${at}.String`)
  if (text.length > LONGEST) unsupported(at, `has more than ${LONGEST} characters`)
  return { kind, text }
}

/** A text as a regular expression that matches it alone. */
export const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A character in the brackets of a class. */
export const inClass = (character: string): string => character.replace(/[\\\]^[&-]/, '\\$&')

/** Whether a regular expression may have a group that captures: splitting would return what it matched. */
export const mayCapture = (regex: string): boolean => /\((?!\?)|\(\?</.test(regex.replace(/\\./gs, ''))
