/** Text with a name, and places in it. */

export interface Source {
  /** How the file is called in messages: a path as the user typed it, or `std/...`. */
  readonly path: string
  readonly text: string
}

/** A half-open range of UTF-16 offsets in one source. */
export interface Span {
  readonly source: Source
  readonly start: number
  readonly end: number
}

export interface Position {
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1, in UTF-16 units. */
  readonly column: number
}

export function positionAt(source: Source, offset: number): Position {
  const before = source.text.slice(0, offset)
  const lastBreak = before.lastIndexOf('\n')
  return { line: before.split('\n').length, column: offset - lastBreak }
}

export const textOf = (span: Span): string => span.source.text.slice(span.start, span.end)

/** The smallest span that holds both; they lie in the same source. */
export const join = (a: Span, b: Span): Span => ({
  source: a.source,
  start: Math.min(a.start, b.start),
  end: Math.max(a.end, b.end),
})
