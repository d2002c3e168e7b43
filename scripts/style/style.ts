/** The checks of style over a tree: the width of lines, and the words of the field. */
import type { SourceFile } from './files.ts'
import type { Problem } from './problem.ts'
import { UNCLEAN } from './unclean.ts'
import { oldWords } from './vocabulary.ts'
import { longLines } from './width.ts'

export interface StyleReport {
  readonly problems: readonly Problem[]
  /** What is in folders that are not yet clean, by folder; empty lists are of folders that have become clean. */
  readonly unclean: ReadonlyMap<string, readonly Problem[]>
}

export function checkStyle(files: readonly SourceFile[], unclean: readonly string[] = UNCLEAN): StyleReport {
  const problems: Problem[] = []
  const later = new Map<string, Problem[]>(unclean.map((folder) => [folder, []]))
  for (const file of files) {
    const folder = unclean.find((one) => file.path === one || file.path.startsWith(`${one}/`))
    const found = [...longLines(file), ...oldWords(file)].toSorted((a, b) => a.line - b.line)
    ;(folder === undefined ? problems : later.get(folder)!).push(...found)
  }
  return { problems, unclean: later }
}

/** A problem as a terminal links it. */
export const lineOf = ({ path, line, message }: Problem): string => `${path}:${line}: ${message}`
