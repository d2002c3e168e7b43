/** Where the tokenizer of a model lies. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Terminal } from '../terminal.ts'

const FILE = 'tokenizer.json'

/** The `tokenizer.json` in a folder, or beside a file; null where there is none. */
export function tokenizerPath(typed: string, terminal: Terminal): string | null {
  const isFolder = statSync(terminal.path(typed), { throwIfNoEntry: false })?.isDirectory() === true
  const path = join(isFolder ? typed : dirname(typed), FILE)
  return existsSync(terminal.path(path)) ? path : null
}
