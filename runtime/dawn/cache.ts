import { accessSync, chmodSync, constants, existsSync, statSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { makeDirectories } from '../files/directories.ts'

const wanted = (): string => {
  const { SMOE_CACHE, XDG_CACHE_HOME } = process.env
  if (SMOE_CACHE) return resolve(SMOE_CACHE)
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'smoe')
}

function usable(directory: string): boolean {
  try {
    makeDirectories(directory, 0o700)
    accessSync(directory, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A directory in the temporary one is shared ground: libraries are loaded from it only where it is ours alone. */
function ownTemporary(): string | null {
  const directory = join(tmpdir(), `smoe-cache-${userInfo().username}`)
  if (!usable(directory)) return null
  const { uid } = statSync(directory)
  if (process.getuid !== undefined && uid !== process.getuid()) return null
  chmodSync(directory, 0o700)
  return directory
}

/**
 * Where drivers are kept: $SMOE_CACHE, $XDG_CACHE_HOME/smoe, ~/.cache/smoe; the temporary directory where that is not writable.
 */
export function cacheDirectory(): string | null {
  const directory = wanted()
  return usable(directory) ? directory : ownTemporary()
}

/** Places to look for what is cached already, writable or not. */
export const cacheDirectories = (): readonly string[] =>
  [...new Set([wanted(), cacheDirectory()])].filter((directory) => directory !== null && existsSync(directory)) as string[]
