/** A model that a command is given as a spec, or as the folder of a checkpoint, which is imported in memory. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../../grammar/source.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { importFrom } from '../import/from.ts'
import { readSource } from '../load.ts'
import type { Terminal } from '../terminal.ts'

export interface ModelSource {
  readonly source: Source
  /** The folder of the checkpoint; null for a spec. */
  readonly folder: string | null
  /** Where its weights are: the folder, if they are beside the config; null elsewhere. */
  readonly weights: string | null
}

export const isFolder = (typed: string, terminal: Terminal): boolean =>
  statSync(terminal.path(typed), { throwIfNoEntry: false })?.isDirectory() === true

const hasWeights = (folder: string, terminal: Terminal): boolean =>
  [SINGLE, INDEX].some((name) => existsSync(terminal.path(join(folder, name))))

/** Throws a Failure for a folder that cannot be imported and for a file that cannot be read. Notes go to stderr. */
export async function openModelSource(typed: string, terminal: Terminal): Promise<ModelSource> {
  if (!isFolder(typed, terminal)) return { source: readSource(typed, terminal), folder: null, weights: null }
  const { name, spec, notes } = await importFrom(typed, {}, terminal)
  for (const note of notes) terminal.err(`note: ${note}\n`)
  return { source: { path: `${name}.smoe`, text: spec }, folder: typed, weights: hasWeights(typed, terminal) ? typed : null }
}
