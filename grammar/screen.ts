/** The display of a source line on a terminal: tabs as blanks, wide characters as two columns, unprintable ones as a symbol. */

export interface ScreenLine {
  readonly text: string
  /** For each UTF-16 offset of the line, and its end, the column at which it is shown, counted from 0. */
  readonly columns: readonly number[]
}

export const tabWidth = 2

const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) ||
  (code >= 0x2e80 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7a3) ||
  (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xfe30 && code <= 0xfe6f) ||
  (code >= 0xff00 && code <= 0xff60) ||
  (code >= 0x1f300 && code <= 0x1faff) ||
  (code >= 0x20000 && code <= 0x3fffd)

const isJoining = (code: number): boolean =>
  (code >= 0x300 && code <= 0x36f) || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)

const isUnprintable = (code: number): boolean =>
  code < 0x20 ||
  (code >= 0x7f && code < 0xa0) ||
  (code >= 0xd800 && code <= 0xdfff) ||
  (code >= 0x202a && code <= 0x202e) ||
  (code >= 0x2066 && code <= 0x2069) ||
  code === 0x2028 ||
  code === 0x2029 ||
  code === 0xfeff ||
  (code >= 0xfff9 && code <= 0xfffb)

export function screenLine(line: string): ScreenLine {
  const columns: number[] = []
  let text = ''
  let column = 0
  for (const character of line) {
    const code = character.codePointAt(0)!
    for (let unit = 0; unit < character.length; unit++) columns.push(column)
    text += code === 9 ? ' '.repeat(tabWidth) : isUnprintable(code) ? '\u00B7' : character
    column += code === 9 ? tabWidth : isJoining(code) ? 0 : isWide(code) ? 2 : 1
  }
  columns.push(column)
  return { text, columns }
}

/** The part of a line that is shown when it is too long: `length` units around `from`, cut at `...`. */
export function clip(
  line: string,
  from: number,
  length: number,
): { readonly text: string; readonly skipped: number; readonly isCut: boolean } {
  if (line.length <= length) return { text: line, skipped: 0, isCut: false }
  const skipped = Math.max(0, Math.min(from - Math.floor(length / 3), line.length - length))
  return { text: line.slice(skipped, skipped + length), skipped, isCut: skipped + length < line.length }
}
