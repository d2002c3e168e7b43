/** Values that depend on weights alone, read from a file in the place of making them. */
import { existsSync } from 'node:fs'
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { noteUnread } from '../unread.ts'

/**
 * The file of `--held`; null where none was given. Throws a Failure for a file that is not there and for a model that holds
 * nothing.
 */
export async function openHeld(path: string | undefined, { model, held }: Plan, terminal: Terminal): Promise<Checkpoint | null> {
  if (path === undefined) return null
  if (!existsSync(terminal.path(path))) throw missingFile(path, terminal)
  if (held.length === 0) throw new Failure(EXIT.usage, `${model} has no load-time constant for --held`)
  const checkpoint = await openCheckpoint(terminal.path(path))
  const unread = [...checkpoint.tensors.keys()].filter((tensor) => !held.some(({ name }) => name === tensor))
  noteUnread(checkpoint, unread, terminal)
  return checkpoint
}
