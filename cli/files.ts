/** Atomic outputs of commands; several outputs of a command appear together. */
import {
  commit,
  commitEach,
  stageDirectory,
  stageFile,
  textPieces,
  type FileSet,
  type Pieces,
  type Staged,
} from '../runtime/files/index.ts'
import { EXIT, Failure } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** An output that is not staged yet. */
type Output = () => Promise<Staged>

/** The message after the output is in place. */
export interface NamedOutput {
  readonly output: Output
  readonly message: string
}

/**
 * Writes all outputs, or leaves everything as it was; then prints the messages. Throws a FileError, and errors of the contents.
 */
export async function writeTogether(outputs: readonly NamedOutput[], terminal: Terminal): Promise<void> {
  await commitEach(outputs.map(({ output }) => output))
  for (const { message } of outputs) terminal.err(`${message}\n`)
}

function pathOf(typed: string, terminal: Terminal): string {
  if (typed === '') throw new Failure(EXIT.usage, 'an output has an empty path')
  return terminal.path(typed)
}

/** A file of pieces, for `writeTogether`. */
export const fileOf =
  (typed: string, pieces: Pieces, terminal: Terminal): Output =>
  () =>
    stageFile(pathOf(typed, terminal), pieces, typed)

/** A directory with a set of files, for `writeTogether`. */
export const directoryOf =
  (typed: string, set: FileSet, terminal: Terminal): Output =>
  () =>
    stageDirectory(pathOf(typed, terminal), set, typed)

/** Writes a file atomically; creates missing folders. Throws a FileError. */
export async function writeWhole(typed: string, contents: string | Uint8Array, terminal: Terminal): Promise<void> {
  await commit([await fileOf(typed, textPieces(contents), terminal)()])
}
