/** Directories: made one by one, on the disk when they are said to be. */
import { existsSync, fsyncSync, openSync, closeSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

function demandDirectory(path: string): readonly [] {
  if (statSync(path).isDirectory()) return []
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR', syscall: 'mkdir', path })
}

/**
 * Makes a directory and those above it; gives the ones that were not there, the outermost first. One after the other, because `mkdir` with
 * `recursive` never ends in places such as /proc. Throws what the system says; then nothing that was made stays.
 */
export function makeDirectories(path: string, mode = 0o777): readonly string[] {
  if (existsSync(path)) return demandDirectory(path)
  const above = makeDirectories(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
    return [...above, path]
  } catch (error) {
    // another process may have been quicker
    if (existsSync(path)) return above
    removeMade(above)
    throw error
  }
}

/** Removes directories that were made for nothing, where they are still empty. */
export function removeMade(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path)
    } catch {
      return
    }
  }
}

/** A new name is on the disk only when its directory is. Not every file system can. */
export function syncDirectory(path: string): void {
  let directory: number | null = null
  try {
    directory = openSync(path, 'r')
    fsyncSync(directory)
  } catch {
    // its files are on the disk all the same
  } finally {
    if (directory !== null) closeSync(directory)
  }
}
