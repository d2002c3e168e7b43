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

const starts = new WeakMap<Source, readonly number[]>()

/** The offset at which each line begins; lines end at `\n`. Computed once a source. */
export function lineStarts(source: Source): readonly number[] {
  const known = starts.get(source)
  if (known !== undefined) return known
  const found = [0]
  for (let at = source.text.indexOf('\n'); at !== -1; at = source.text.indexOf('\n', at + 1)) found.push(at + 1)
  starts.set(source, found)
  return found
}

export function positionAt(source: Source, offset: number): Position {
  const lines = lineStarts(source)
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lines[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - lines[low]! + 1 }
}

export const textOf = (span: Span): string => span.source.text.slice(span.start, span.end)

/** The smallest span that holds both; they lie in the same source. */
export const join = (a: Span, b: Span): Span => ({
  source: a.source,
  start: Math.min(a.start, b.start),
  end: Math.max(a.end, b.end),
})
