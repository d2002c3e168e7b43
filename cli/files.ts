/** Files written whole or not at all. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { EXIT, Failure } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** Writes under a temporary name and renames; makes the folders on the way. */
export function writeWhole(typed: string, contents: string | Uint8Array, terminal: Terminal): void {
  const path = terminal.path(typed)
  const draft = `${path}.${process.pid}.part`
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(draft, contents)
    renameSync(draft, path)
  } catch (problem) {
    throw new Failure(EXIT.usage, `cannot write '${typed}': ${(problem as Error).message}`)
  }
}
