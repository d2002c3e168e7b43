/** Writes a set of files into a directory atomically: it holds either the new set or the old one. Other files stay. */
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { FileError } from '../errors.ts'
import { makeDirectories, syncDirectory } from './directories.ts'
import { draftPath, leftDrafts, removeLeft } from './draft.ts'
import { keepModes, writeNew } from './file.ts'
import { withFileErrors, withFileErrorsAsync, codeOf, WRITE } from './reason.ts'
import { discard, keepWatch, settle } from './signal.ts'
import { stageDraft, type Put, type Staged } from './staged.ts'
import type { Pieces } from './pieces.ts'
import { targetOf } from './target.ts'

export interface FileSet {
  /** Name -> contents. */
  readonly files: readonly (readonly [name: string, pieces: Pieces])[]
  /** Names of files in a directory from an earlier set, which are removed. All others belong to the user. */
  readonly ofEarlier: (directory: string) => ReadonlySet<string>
}

interface Place {
  /** Links followed. */
  readonly path: string
  readonly typed: string
  /** Null if it does not exist yet. */
  readonly stats: Stats | null
  /** Whether the directory can be replaced by a rename. */
  readonly canSwap: boolean
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether the working directory is inside: a replacement would leave it in the old directory. */
const holdsProcess = (path: string): boolean => {
  const way = relative(path, process.cwd())
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep))
}

function placeOf(path: string, typed: string): Place {
  const stats = existsSync(path) ? statSync(path) : null
  if (stats !== null && !stats.isDirectory()) throw new FileError(typed, `${WRITE}: it is not a directory`)
  if (stats === null) return { path: targetOf(path, typed).path, typed, stats, canSwap: true }
  const real = realpathSync(path)
  accessSync(real, constants.W_OK | constants.X_OK)
  const above = dirname(real)
  return {
    path: real,
    typed,
    stats,
    canSwap: above !== real && statSync(above).dev === stats.dev && mayWrite(above) && !holdsProcess(real),
  }
}

/** Restores a directory whose writer was killed during the replacement, so that the user's files are not lost. */
function recover(path: string, { ofEarlier }: FileSet): void {
  for (const old of leftDrafts(dirname(path), path, 'old')) {
    if (!existsSync(path)) renameSync(old, path)
    else clear(old, path, ofEarlier(old))
  }
}

/** Moves the files that are not from an earlier set and do not exist at the destination. */
function bringOver(from: string, to: string, earlier: ReadonlySet<string>): void {
  for (const name of readdirSync(from))
    if (!earlier.has(name) && !existsSync(join(to, name))) renameSync(join(from, name), join(to, name))
}

/** Removes a replaced directory after the user's files have moved to its successor. */
function clear(old: string, path: string, earlier: ReadonlySet<string>): void {
  bringOver(old, path, earlier)
  rmSync(old, { recursive: true, force: true })
}

/** Hard-links the user's files into the new directory; false if that is not possible, for example for subdirectories. */
function linkOthers(from: string, to: string, earlier: ReadonlySet<string>): boolean {
  const own = new Set(readdirSync(to))
  try {
    for (const name of readdirSync(from)) {
      if (earlier.has(name) || own.has(name)) continue
      if (lstatSync(join(from, name)).isDirectory()) return false
      linkSync(join(from, name), join(to, name))
    }
    return true
  } catch {
    return false
  }
}

/** The number of attempts when other writers interfere. */
const TRIES = 50

/** Renames the directory at a path to a draft name; null if there is none. */
function moveAside(path: string): string | null {
  const old = draftPath(dirname(path), path, 'old')
  try {
    renameSync(path, old)
    return old
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Moves a directory to a free path; false if another writer took the path first. */
function takePlace(draft: string, path: string): boolean {
  try {
    renameSync(draft, path)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) return false
    throw error
  }
}

/** Replaces the old directory by the new one with two consecutive renames. */
function swap(draft: string, path: string, earlierOf: (old: string) => ReadonlySet<string>): Put {
  const olds: string[] = []
  const back = (): void => {
    const last = olds.pop()
    if (last !== undefined) renameSync(last, path)
  }
  try {
    for (let tries = 0; ; tries++) {
      const old = moveAside(path)
      if (old !== null) olds.push(old)
      if (takePlace(draft, path)) break
      if (tries === TRIES) throw new FileError(path, `${WRITE}: other programs keep writing to it`)
    }
  } catch (error) {
    back()
    throw error
  }
  settle(draft)
  return {
    undo: () => {
      rmSync(path, { recursive: true, force: true })
      back()
    },
    finish: () => {
      syncDirectory(dirname(path))
      for (const old of olds) clear(old, path, earlierOf(old))
    },
  }
}

/** Hard-links replaced files under a second name, so that they can be restored; not every file system supports that. */
function keepFiles(path: string, names: Iterable<string>, old: string): ReadonlySet<string> {
  const kept = new Set<string>()
  mkdirSync(old)
  keepWatch(old)
  for (const name of names) {
    try {
      linkSync(join(path, name), join(old, name))
      kept.add(name)
    } catch {
      // the file does not exist, or hard links are not supported
    }
  }
  return kept
}

/** Replaces the files one by one, each atomically. */
function replaceEach(draft: string, path: string, names: readonly string[], earlier: ReadonlySet<string>): Put {
  const old = draftPath(dirname(draft), path, 'part')
  const kept = keepFiles(path, new Set([...earlier, ...names]), old)
  const placed: string[] = []
  const undo = (): void => {
    for (const name of placed) if (!kept.has(name)) rmSync(join(path, name), { force: true })
    for (const name of kept) renameSync(join(old, name), join(path, name))
    discard(old)
    discard(draft)
  }
  try {
    for (const name of names) {
      renameSync(join(draft, name), join(path, name))
      placed.push(name)
    }
    for (const name of earlier) if (!names.includes(name)) rmSync(join(path, name), { force: true })
  } catch (error) {
    undo()
    throw error
  }
  return {
    undo,
    finish: () => {
      syncDirectory(path)
      discard(old)
      discard(draft)
    },
  }
}

function demandFiles(path: string, names: readonly string[], typed: string): void {
  for (const name of names) {
    const there = lstatSync(join(path, name), { throwIfNoEntry: false })
    if (there?.isDirectory() === true) throw new FileError(join(typed, name), 'cannot be written: it is a directory')
  }
}

/** Existing files of an earlier set. */
const earlierIn = (path: string, { ofEarlier }: FileSet): ReadonlySet<string> =>
  new Set([...ofEarlier(path)].filter((name) => lstatSync(join(path, name), { throwIfNoEntry: false })?.isDirectory() === false))

function putDirectory(draft: string, { path, typed, canSwap }: Place, set: FileSet): Put {
  const names = set.files.map(([name]) => name)
  const isThere = existsSync(path)
  if (isThere) demandFiles(path, names, typed)
  const ownOf = (old: string): ReadonlySet<string> => new Set([...earlierIn(old, set), ...names])
  if (canSwap && (!isThere || linkOthers(path, draft, ownOf(path)))) return swap(draft, path, ownOf)
  return replaceEach(draft, path, names, earlierIn(path, set))
}

async function fillDraft(draft: string, place: Place, { files }: FileSet): Promise<void> {
  mkdirSync(draft)
  if (place.stats !== null) keepModes(draft, place.stats)
  for (const [name, pieces] of files) await writeNew(join(draft, name), pieces, join(place.typed, name))
  syncDirectory(draft)
}

/** The directory for the draft of the set: the parent, or the directory itself if it cannot be replaced. */
const folderOf = ({ path, canSwap }: Place): string => (canSwap ? dirname(path) : path)

function preparePlace(path: string, set: FileSet, shown: string): Place {
  recover(placeOf(path, shown).path, set)
  const place = placeOf(path, shown)
  removeLeft(join(folderOf(place), basename(place.path)))
  return place
}

/**
 * Writes a set of files as a draft beside their directory; missing parents are created. Throws a FileError that names `shown`.
 */
export async function stageDirectory(path: string, set: FileSet, shown = path): Promise<Staged> {
  const place = withFileErrors(shown, WRITE, () => preparePlace(path, set, shown))
  const made = withFileErrors(shown, WRITE, () => makeDirectories(dirname(place.path)))
  const draft = draftPath(folderOf(place), place.path, 'part')
  return stageDraft(place.path, shown, {
    path: draft,
    made,
    fill: () => withFileErrorsAsync(shown, WRITE, fillDraft(draft, place, set)),
    put: () => withFileErrors(shown, WRITE, () => putDirectory(draft, place, set)),
  })
}
