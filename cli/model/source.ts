/** A model that a command is given as a spec, or as a checkpoint, which is imported in memory. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../../grammar/source.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { importFrom } from '../import/from.ts'
import { readSource } from '../load.ts'
import type { Terminal } from '../terminal.ts'

export interface ModelSource {
  readonly source: Source
  /** The checkpoint: its folder, or a GGUF file; null for a spec. */
  readonly checkpoint: string | null
  /** Where its weights are: the checkpoint, if they are in it; null elsewhere. */
  readonly weights: string | null
}

export const isFolder = (typed: string, terminal: Terminal): boolean =>
  statSync(terminal.path(typed), { throwIfNoEntry: false })?.isDirectory() === true

const isGguf = (typed: string): boolean => typed.endsWith('.gguf')

/** Whether it is a checkpoint as published, a folder or a GGUF file, and no spec. */
export const isCheckpoint = (typed: string, terminal: Terminal): boolean => isGguf(typed) || isFolder(typed, terminal)

const hasWeights = (typed: string, terminal: Terminal): boolean =>
  isGguf(typed) || [SINGLE, INDEX].some((name) => existsSync(terminal.path(join(typed, name))))

/** Throws a Failure for a checkpoint that cannot be imported and for a file that cannot be read. Notes go to stderr. */
export async function openModelSource(typed: string, terminal: Terminal): Promise<ModelSource> {
  if (!isCheckpoint(typed, terminal)) return { source: readSource(typed, terminal), checkpoint: null, weights: null }
  const { name, spec, notes } = await importFrom(typed, {}, terminal)
  for (const note of notes) terminal.err(`note: ${note}\n`)
  return { source: { path: `${name}.smoe`, text: spec }, checkpoint: typed, weights: hasWeights(typed, terminal) ? typed : null }
}
