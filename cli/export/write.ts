/** Writes the files of an export: the folder appears with all of them, or not at all. */
import { directoryOf, writeTogether } from '../files.ts'
import type { Terminal } from '../terminal.ts'
import type { NamedFile } from './shards.ts'

/** Throws a FileError, and errors of what the files are made of. */
export async function writeFolder(
  typed: string,
  files: readonly NamedFile[],
  message: string,
  terminal: Terminal,
): Promise<void> {
  const set = { files: files.map(({ name, pieces }) => [name, pieces] as const), ofEarlier: () => new Set<string>() }
  await writeTogether([{ output: directoryOf(typed, set, terminal), message }], terminal)
}
