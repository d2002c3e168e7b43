/**
 * Lines that do not fit: comments, prose and specs, which the formatter leaves as they are. A line of code that it leaves long
 * has a string in it: a message stays on one line, so that a search finds it.
 */
import { fencedLines, type SourceFile } from './files.ts'
import type { Problem } from './problem.ts'

/** Columns of a line, as the formatter has it for code. */
export const WIDTH = 130

/** Rows of tables, and words without a blank between them. */
const isUnbreakable = (line: string): boolean =>
  /^\s*\|/.test(line) || !/\S\s+\S/.test(line.trim().replace(/^(\/\/+|\*|-|>)\s*/, ''))

const STRINGS = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g

/** Whether a line of code is a comment or ends in one. */
const hasComment = (line: string): boolean => /^\s*(\/\*\*|\*|\/\/|#)|\s\/\/ /.test(line.replaceAll(STRINGS, ''))

/** Long lines of a file; those of listings in documents are what a program prints. */
export function longLines({ path, text }: SourceFile): readonly Problem[] {
  const isDocument = path.endsWith('.md')
  const lines = text.split('\n')
  const fenced = isDocument ? fencedLines(lines) : new Set<number>()
  return lines.flatMap((line, at) =>
    line.length <= WIDTH || fenced.has(at) || isUnbreakable(line) || !(isDocument || hasComment(line))
      ? []
      : [{ path, line: at + 1, message: `${line.length} columns: break it at ${WIDTH}` }],
  )
}
