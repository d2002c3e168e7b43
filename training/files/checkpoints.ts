/** The checkpoints of a run in a directory: each is written atomically, and only the newest are kept. */
import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { openCheckpoint, writeSafetensors } from '../../runtime/checkpoint/files.ts'
import { CheckpointError } from '../../runtime/errors.ts'
import { isDraft, makeDirectories } from '../../runtime/files/index.ts'
import { decodeSaved } from '../checkpoint/decode.ts'
import { encodeSaved } from '../checkpoint/encode.ts'
import type { Saved } from '../checkpoint/saved.ts'
import { ResumeError } from '../errors.ts'
import { noneWhereAbsent } from './absent.ts'

const NAME = /^step-(\d{8,})\.safetensors$/

export const checkpointName = (step: number): string => `step-${String(step).padStart(8, '0')}.safetensors`

export interface ListedCheckpoint {
  readonly step: number
  readonly path: string
}

const namesIn = (directory: string): Promise<readonly string[]> => readdir(directory).catch(noneWhereAbsent([]))

/** Checkpoints from the oldest to the newest; empty if the directory does not exist. */
export async function listCheckpoints(directory: string): Promise<readonly ListedCheckpoint[]> {
  const names = await namesIn(directory)
  return names
    .flatMap((name) => {
      const step = NAME.exec(name)?.[1]
      return step === undefined ? [] : [{ step: Number(step), path: join(directory, name) }]
    })
    .sort((a, b) => a.step - b.step)
}

/** Prepares the directory for a run that continues from a step: removes unfinished drafts and checkpoints after that step. */
export async function prepareCheckpoints(directory: string, from: number): Promise<void> {
  makeDirectories(directory)
  for (const name of await namesIn(directory)) if (isDraft(name)) await unlink(join(directory, name))
  for (const { step, path } of await listCheckpoints(directory)) if (step > from) await unlink(path)
}

/** Writes a state under its step number, then removes all but the newest `keep` checkpoints. Throws a FileError. */
export async function saveCheckpoint(directory: string, saved: Saved, keep = Infinity): Promise<string> {
  const path = join(directory, checkpointName(saved.progress.step))
  const { tensors, metadata } = encodeSaved(saved)
  await writeSafetensors(path, tensors, metadata)
  const older = (await listCheckpoints(directory)).filter(({ step }) => step < saved.progress.step)
  for (const { path: old } of older.slice(0, Math.max(0, older.length + 1 - Math.max(1, keep)))) await unlink(old)
  return path
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** Reads a checkpoint, or the newest of a directory. Throws a ResumeError with the reason. */
export async function loadCheckpoint(path: string): Promise<{ readonly path: string; readonly saved: Saved }> {
  if (!(await isDirectory(path))) return { path, saved: await readSaved(path) }
  const all = await listCheckpoints(path)
  const newest = all.at(-1)
  if (newest === undefined) throw new ResumeError(path, 'has no checkpoint')
  return { path: newest.path, saved: await readSaved(newest.path, all.at(-2)?.path) }
}

/** The error names the checkpoint before, `older`, as an alternative. */
async function readSaved(path: string, older?: string): Promise<Saved> {
  try {
    const checkpoint = await openCheckpoint(path)
    try {
      return await decodeSaved(checkpoint)
    } finally {
      await checkpoint.close()
    }
  } catch (error) {
    const refused =
      error instanceof CheckpointError
        ? new ResumeError(path, `is truncated, or not a checkpoint: ${error.message.slice(error.file.length + 2)}`)
        : error
    if (older !== undefined && refused instanceof ResumeError)
      throw new ResumeError(path, `${refused.message.slice(path.length + 2)}; the checkpoint before it is ${older}`)
    throw refused
  }
}
