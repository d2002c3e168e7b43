/** A directory of files that belong together: the whole new set is there, or the old one. What is not of either stays. */
import { accessSync, constants, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { FileError } from '../errors.ts'
import { makeDirectories, syncDirectory } from './directories.ts'
import { discard, draftPath, keepWatch, leftDrafts, removeLeft, settle } from './draft.ts'
import { keepModes, writeNew } from './file.ts'
import { asked, askedLater, codeOf, WRITE } from './reason.ts'
import { stageDraft, type Put, type Staged } from './staged.ts'
import type { Pieces } from './pieces.ts'
import { targetOf } from './target.ts'

export interface FileSet {
  /** What is written: name -> contents. */
  readonly files: readonly (readonly [name: string, pieces: Pieces])[]
  /** Names in a directory that an earlier set has left there: they go. All others belong to the user. */
  readonly ofEarlier: (directory: string) => ReadonlySet<string>
}

interface Place {
  /** Links followed. */
  readonly path: string
  readonly typed: string
  /** Null where it is not there yet. */
  readonly stats: Stats | null
  /** Whether the directory itself can be replaced by another. */
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

/** Somebody stands in it: their directory would be another one than the one they see. */
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
  return { path: real, typed, stats, canSwap: above !== real && statSync(above).dev === stats.dev && mayWrite(above) && !holdsProcess(real) }
}

/** A directory that was about to be replaced when its writer was killed comes back; what the user had in it is not lost. */
function recover(path: string, { ofEarlier }: FileSet): void {
  for (const old of leftDrafts(dirname(path), path, 'old')) {
    if (!existsSync(path)) renameSync(old, path)
    else clear(old, path, ofEarlier(old))
  }
}

/** Moves what is not of an earlier set, and is not there yet. */
function bringOver(from: string, to: string, earlier: ReadonlySet<string>): void {
  for (const name of readdirSync(from)) if (!earlier.has(name) && !existsSync(join(to, name))) renameSync(join(from, name), join(to, name))
}

/** Removes a directory that was replaced, when all that is the user's is in its successor. */
function clear(old: string, path: string, earlier: ReadonlySet<string>): void {
  bringOver(old, path, earlier)
  rmSync(old, { recursive: true, force: true })
}

/** Gives the new directory the user's files too, by hard links; false where that cannot be, as for directories. */
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

/** Other writers may come between as often as this. */
const TRIES = 50

/** Moves the directory that is at a path aside; null where there is none. */
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

/** Puts a directory where none is; false where another writer was quicker. */
function takePlace(draft: string, path: string): boolean {
  try {
    renameSync(draft, path)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) return false
    throw error
  }
}

/** The new directory takes the place of the old one: two renames, nothing between. */
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
      if (tries === TRIES) throw new FileError(path, `${WRITE}: other programs write it again and again`)
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

/** Keeps what is replaced under a second name, so that it can come back; not every file system has hard links. */
function keepFiles(path: string, names: Iterable<string>, old: string): ReadonlySet<string> {
  const kept = new Set<string>()
  mkdirSync(old)
  keepWatch(old)
  for (const name of names) {
    try {
      linkSync(join(path, name), join(old, name))
      kept.add(name)
    } catch {
      // it is not there, or cannot be kept
    }
  }
  return kept
}

/** File by file, each of them whole. */
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

/** Files of an earlier set that are there. */
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

/** Where a draft of the set is made: beside the directory, or inside where that cannot be replaced. */
const folderOf = ({ path, canSwap }: Place): string => (canSwap ? dirname(path) : path)

function preparePlace(path: string, set: FileSet, shown: string): Place {
  recover(placeOf(path, shown).path, set)
  const place = placeOf(path, shown)
  removeLeft(join(folderOf(place), basename(place.path)))
  return place
}

/** Makes a set of files beside the directory that takes them, which is made where it is not there. Throws a FileError that names `shown`. */
export async function stageDirectory(path: string, set: FileSet, shown = path): Promise<Staged> {
  const place = asked(shown, WRITE, () => preparePlace(path, set, shown))
  const made = asked(shown, WRITE, () => makeDirectories(dirname(place.path)))
  const draft = draftPath(folderOf(place), place.path, 'part')
  return stageDraft(place.path, shown, {
    path: draft, made,
    fill: () => askedLater(shown, WRITE, fillDraft(draft, place, set)),
    put: () => asked(shown, WRITE, () => putDirectory(draft, place, set)),
  })
}
