/** The contents of a cache directory, by checksum: a corrupt library would crash the process that loads it. */
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync, type Stats } from 'node:fs'
import { join } from 'node:path'

export const CONTENTS = 'contents.json'

/** File metadata. A program cannot set the change time back, so equal metadata means equal bytes. */
interface State {
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
}

interface Entry {
  readonly bytes: number
  readonly sha256: string
  /** The metadata at the last successful check of the checksum; if absent the file is read. */
  readonly checked?: State
}

export type Contents = Readonly<Record<string, Entry>>

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

const stateOf = ({ ino, mtimeMs, ctimeMs }: Stats): State => ({ ino, mtimeMs, ctimeMs })

const isSame = (a: State, b: State | undefined): boolean => a.ino === b?.ino && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs

/** Reads a list of contents; null if it is missing or malformed. */
export function readContents(directory: string): Contents | null {
  try {
    const read = JSON.parse(readFileSync(join(directory, CONTENTS), 'utf8')) as Contents | null
    return typeof read === 'object' ? read : null
  } catch {
    return null
  }
}

export function writeContents(directory: string, contents: Contents): void {
  const draft = join(directory, `${CONTENTS}.${process.pid}`)
  try {
    writeFileSync(draft, JSON.stringify(contents), { flush: true })
    renameSync(draft, join(directory, CONTENTS))
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

/** The current list of files. */
export function contentsOf(directory: string, names: readonly string[]): Contents {
  return Object.fromEntries(
    names.map((name) => {
      const data = readFileSync(join(directory, name))
      return [name, { bytes: data.length, sha256: sha256(data), checked: stateOf(statSync(join(directory, name))) }]
    }),
  )
}

/** The entry of a file that matches the list, with its current metadata; null if it does not match. */
function checked(path: string, entry: Entry | undefined): Entry | null {
  const stats = statSync(path)
  if (entry === undefined || !stats.isFile() || stats.size !== entry.bytes) return null
  if (isSame(stateOf(stats), entry.checked)) return entry
  return sha256(readFileSync(path)) === entry.sha256 ? { ...entry, checked: stateOf(stats) } : null
}

/**
 * Whether the files of a directory match its list of contents. Only files whose metadata changed since the last check are read.
 */
export function isWhole(directory: string, names: readonly string[]): boolean {
  const listed = readContents(directory)
  if (listed === null) return false
  try {
    const found = names.map((name) => [name, checked(join(directory, name), listed[name])] as const)
    if (found.some(([, entry]) => entry === null)) return false
    if (found.some(([name, entry]) => entry !== listed[name]))
      keep(directory, { ...listed, ...(Object.fromEntries(found) as Contents) })
    return true
  } catch {
    return false
  }
}

/** If the cache cannot be written, the files are read again the next time. */
function keep(directory: string, contents: Contents): void {
  try {
    writeContents(directory, contents)
  } catch {
    // the cached metadata is only an optimization
  }
}

/** A file unchanged for this long is not being copied; milliseconds. */
const SETTLED = 60_000

/** Creates a missing list of contents once the directory has settled; false if that is too early. */
export function adopt(directory: string, names: readonly string[]): boolean {
  try {
    const now = Date.now()
    if (names.some((name) => now - statSync(join(directory, name)).ctimeMs < SETTLED)) return false
    writeContents(directory, contentsOf(directory, names))
    return true
  } catch {
    return false
  }
}
