/** The comments of a file while it is printed: each is printed once, with the nearest node. */
import type { Comment, File } from './ast.ts'
import { textOf } from './source.ts'

export interface Ledger {
  /** Those not yet taken that begin in `from..to`, in order. */
  take(from: number, to: number): readonly Comment[]
  /** The one that follows `end` on its line, with nothing but commas between. */
  takeTrailing(end: number, before: number): Comment | null
  /** Those between `end` and the bracket that closes the list. */
  takeClosing(end: number): readonly Comment[]
  /** The one right after the `{` that lies in `from..to`. */
  takeOpening(from: number, to: number): Comment | null
  /** Where the block ends in which `offset` is the end of the last statement, or lies before the `{` of an empty one. */
  closeAfter(offset: number): number
  /** Is there at least one empty line between the places? */
  hasBlank(end: number, start: number): boolean
}

export function createLedger(file: File): Ledger {
  const { text } = file.source
  const all = [...file.comments].sort((a, b) => a.span.start - b.span.start)
  const taken = new Set<Comment>()
  const indexFrom = (offset: number): number => {
    let low = 0
    let high = all.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (all[middle]!.span.start < offset) low = middle + 1
      else high = middle
    }
    return low
  }
  const free = (from: number, to: number): readonly Comment[] => {
    const found: Comment[] = []
    for (let at = indexFrom(from); at < all.length && all[at]!.span.start < to; at++)
      if (!taken.has(all[at]!)) found.push(all[at]!)
    return found
  }
  const claim = (comment: Comment | null): Comment | null => {
    if (comment !== null) taken.add(comment)
    return comment
  }
  const follows = (comment: Comment | undefined, pattern: RegExp, from: number): boolean =>
    comment !== undefined && pattern.test(text.slice(from, comment.span.start))
  return {
    take: (from, to) => {
      const found = free(from, to)
      found.forEach(claim)
      return found
    },
    takeTrailing: (end, before) => {
      const next = all[indexFrom(end)]
      const isFree = next !== undefined && !taken.has(next) && next.span.start < before
      return isFree && follows(next, /^[ \t,]*$/, end) ? claim(next) : null
    },
    takeClosing: (end) => {
      const found: Comment[] = []
      for (let at = end, next = all[indexFrom(end)]; next !== undefined && /^[\s,]*$/.test(text.slice(at, next.span.start));) {
        if (!taken.has(next)) found.push(next)
        at = next.span.end
        next = all[indexFrom(at)]
      }
      found.forEach(claim)
      return found
    },
    takeOpening: (from, to) => {
      const next = free(from, to)[0]
      if (next === undefined) return null
      const lineStart = text.lastIndexOf('\n', next.span.start - 1) + 1
      return follows(next, /\{[ \t]*$/, Math.max(from, lineStart)) ? claim(next) : null
    },
    closeAfter: (offset) => {
      const filler = /(?:[^}/]|\/\/[^\n]*|\/)*/y
      filler.lastIndex = offset
      const end = offset + (filler.exec(text)?.[0].length ?? 0)
      return text[end] === '}' ? end : offset
    },
    hasBlank: (end, start) => /\n[ \t\r]*\n/.test(text.slice(end, start)),
  }
}

/** The comment with one blank after its slashes. */
export function commentText(comment: Comment): string {
  const raw = textOf(comment.span)
  const text = raw.startsWith('//') ? raw : `${comment.isDoc ? '///' : '//'} ${comment.text}`
  return text.replace(/^(\/{2,})(?=[^\s/])/, '$1 ').trimEnd()
}
