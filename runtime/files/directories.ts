/** Creates directories one by one and syncs them to disk. */
import { existsSync, fsyncSync, openSync, closeSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

function demandDirectory(path: string): readonly [] {
  if (statSync(path).isDirectory()) return []
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR', syscall: 'mkdir', path })
}

/**
 * Creates a directory and its parents; returns the created ones, the outermost first. One by one, because `mkdir` with
 * `recursive` never ends in places such as /proc. Throws the system's error and removes what was created.
 */
export function makeDirectories(path: string, mode = 0o777): readonly string[] {
  if (existsSync(path)) return demandDirectory(path)
  const above = makeDirectories(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
    return [...above, path]
  } catch (error) {
    // another process may have created it first
    if (existsSync(path)) return above
    removeMade(above)
    throw error
  }
}

/** Removes created directories that are still empty. */
export function removeMade(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path)
    } catch {
      return
    }
  }
}

/** A new name is durable only after its directory is synced, which not every file system supports. */
export function syncDirectory(path: string): void {
  let directory: number | null = null
  try {
    directory = openSync(path, 'r')
    fsyncSync(directory)
  } catch {
    // the files themselves are synced
  } finally {
    if (directory !== null) closeSync(directory)
  }
}
