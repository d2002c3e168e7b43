/** Writes a file atomically: completely or not at all. */
import { chmodSync, chownSync, linkSync, renameSync, rmSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectories, syncDirectory } from './directories.ts'
import { draftPath, removeLeft } from './draft.ts'
import { withFileErrors, withFileErrorsAsync, toFileError, WRITE } from './reason.ts'
import { discard, keepWatch, settle } from './signal.ts'
import { commit, stageDraft, type Put, type Staged } from './staged.ts'
import type { Pieces } from './pieces.ts'
import { writePiece, writeStream } from './stream.ts'
import { targetOf, type Target } from './target.ts'

/** Copies the permissions of the replaced file, and its owner if allowed. */
export function keepModes(path: string, stats: Stats | null): void {
  if (stats === null) return
  try {
    if (process.getuid?.() === 0) chownSync(path, stats.uid, stats.gid)
  } catch {
    // the file keeps the user who writes it as its owner
  }
  chmodSync(path, stats.mode & 0o7777)
}

async function writeAll(file: FileHandle, pieces: Pieces, typed: string): Promise<void> {
  try {
    for await (const piece of pieces) await withFileErrorsAsync(typed, WRITE, writePiece(file, piece))
    await withFileErrorsAsync(typed, WRITE, file.sync())
  } finally {
    await file.close()
  }
}

/** Writes and syncs a new file. Throws a FileError that names `typed`, and errors of the pieces. */
export const writeNew = async (path: string, pieces: Pieces, typed = path): Promise<void> =>
  writeAll(await withFileErrorsAsync(typed, WRITE, open(path, 'wx')), pieces, typed)

const nothing = (): void => {}

const stagedStream = (target: Exclude<Target, { kind: 'file' }>, typed: string, pieces: Pieces): Staged => ({
  place: target.path,
  typed,
  discard: nothing,
  write: () => writeStream(target, typed, pieces),
  put: () => ({ undo: nothing, finish: nothing }),
})

/** Hard-links an existing file under another name; null if there is none or hard links are not supported. */
function keepOld({ path, stats }: Target & { kind: 'file' }): string | null {
  if (stats === null) return null
  const old = draftPath(dirname(path), path, 'part')
  keepWatch(old)
  try {
    linkSync(path, old)
    return old
  } catch {
    settle(old)
    return null
  }
}

/** Renames a draft to its final path. Can be undone, except for the last output of a command. */
function putFile(draft: string, target: Target & { kind: 'file' }, typed: string, isLast: boolean): Put {
  const { path, stats } = target
  const old = isLast ? null : keepOld(target)
  try {
    renameSync(draft, path)
    settle(draft)
  } catch (error) {
    if (old !== null) discard(old)
    throw toFileError(typed, WRITE, error)
  }
  return {
    undo: () => {
      if (old !== null) renameSync(old, path)
      else if (stats === null) rmSync(path, { force: true })
      if (old !== null) settle(old)
    },
    finish: () => {
      if (old !== null) discard(old)
      syncDirectory(dirname(path))
    },
  }
}

async function draftOf(target: Target & { kind: 'file' }, typed: string, pieces: Pieces): Promise<Staged> {
  const { path, stats } = target
  const draft = draftPath(dirname(path), path, 'part')
  const made = withFileErrors(typed, WRITE, () => makeDirectories(dirname(path)))
  const fill = async (): Promise<void> => {
    removeLeft(path)
    await writeNew(draft, pieces, typed)
    withFileErrors(typed, WRITE, () => keepModes(draft, stats))
  }
  return stageDraft(path, typed, { path: draft, made, fill, put: (isLast) => putFile(draft, target, typed, isLast) })
}

/**
 * Writes a file as a draft; missing directories are created. Devices and FIFOs are written on commit. Throws a FileError that
 * names `shown`.
 */
export async function stageFile(path: string, pieces: Pieces, shown = path): Promise<Staged> {
  const target = targetOf(path, shown)
  return target.kind === 'file' ? draftOf(target, shown, pieces) : stagedStream(target, shown, pieces)
}

/** Writes a file atomically. On failure the previous contents stay. Throws a FileError, and errors of the pieces. */
export async function writeFileWhole(path: string, pieces: Pieces, shown = path): Promise<void> {
  await commit([await stageFile(path, pieces, shown)])
}

/** A text as a file of one piece. */
export const textPieces = (text: string | Uint8Array): Pieces => [
  typeof text === 'string' ? new TextEncoder().encode(text) : text,
]
