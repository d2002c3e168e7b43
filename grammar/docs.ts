/** Doc comments by the token that they precede, or whose line they end. */
import type { Comment } from './ast.ts'
import { lineStarts, positionAt, type Source } from './source.ts'
import type { Token } from './tokens.ts'

/**
 * By the offset of a token, the lines of the `///` comments right above it, each on a line of its own, and the one at the end of
 * the line that begins with it.
 */
export function docsOf(
  source: Source,
  tokens: readonly Token[],
  comments: readonly Comment[],
): ReadonlyMap<number, readonly string[]> {
  const docs = new Map<number, readonly string[]>()
  const alone = comments.filter(({ isDoc, span }) => isDoc && standsAlone(source, span.start))
  let at = 0
  for (const { startOffset } of tokens) {
    if (at === alone.length) break
    let next = at
    while (next < alone.length && alone[next]!.span.start < startOffset) next++
    if (next > at) docs.set(startOffset, runBefore(source, alone.slice(at, next), startOffset))
    at = next
  }
  for (const comment of comments.filter(({ isDoc, span }) => isDoc && !standsAlone(source, span.start))) {
    const first = firstOnLine(source, tokens, comment.span.start)
    if (first !== null) docs.set(first, [...(docs.get(first) ?? []), comment.text])
  }
  return docs
}

/** The offset of the token that begins the line of a place; null where the line goes on from the one above. */
function firstOnLine(source: Source, tokens: readonly Token[], offset: number): number | null {
  const start = lineStarts(source)[lineOf(source, offset) - 1]!
  return tokens.find(({ startOffset }) => startOffset >= start && startOffset < offset)?.startOffset ?? null
}

const lineOf = (source: Source, offset: number): number => positionAt(source, offset).line

function standsAlone(source: Source, offset: number): boolean {
  const start = lineStarts(source)[lineOf(source, offset) - 1]!
  return source.text.slice(start, offset).trim() === ''
}

/** The last of the comments that follow each other line by line down to the token. */
function runBefore(source: Source, comments: readonly Comment[], offset: number): readonly string[] {
  let line = lineOf(source, offset)
  const run: string[] = []
  for (const { text, span } of [...comments].reverse()) {
    if (lineOf(source, span.start) !== line - 1) break
    run.push(text)
    line--
  }
  return run.reverse()
}
