/** The spec of a GGUF file, whose metadata is its config. */
import { statSync } from 'node:fs'
import { fileSource } from '../../../runtime/checkpoint/files.ts'
import { checkpointOf } from '../../../runtime/checkpoint/gguf/checkpoint.ts'
import { openGguf } from '../../../runtime/checkpoint/gguf/open.ts'
import { EXIT, Failure } from '../../exit.ts'
import { missingFile } from '../../load.ts'
import type { Terminal } from '../../terminal.ts'
import { importModel, listedReasons, type Imported } from '../import.ts'
import { checkWeights } from '../weights.ts'
import { configOfGguf } from './config.ts'

const refused = (typed: string, message: string): Failure => new Failure(EXIT.badCheckpoint, `${typed}: ${message}`)

/** Throws a Failure for metadata that is not supported, and a WeightError or a CheckpointError for tensors that do not fit. */
export async function importGguf(
  typed: string,
  allowUnread: boolean,
  terminal: Terminal,
): Promise<Imported & { readonly kind: 'spec' }> {
  if (statSync(terminal.path(typed), { throwIfNoEntry: false }) === undefined) throw missingFile(typed, terminal)
  const file = await openGguf(await fileSource(terminal.path(typed)))
  try {
    const found = await configOfGguf(file)
    if (found.kind === 'unsupported') throw refused(typed, listedReasons(found.problems))
    const result = importModel(found.config, { gguf: found.architecture })
    if (result.kind === 'unsupported') throw refused(typed, result.message)
    const unread = checkWeights(
      result.name,
      result.spec,
      checkpointOf(file),
      { isIgnorable: found.isIgnorable, allowUnread },
      terminal,
    )
    return unread === null ? result : { ...result, notes: [...result.notes, unread] }
  } finally {
    await file.source.close()
  }
}
