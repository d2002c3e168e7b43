/** Loads a library from the package of the peers, which need not be installed. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { AbsentError } from './runner.ts'

/** From the root of the repository, where npm starts scripts. */
export const PEERS = 'bench/peers'

export interface Peer<T> {
  readonly module: T
  readonly version: string
}

/** `T` is what is used of the library. Throws an AbsentError where it cannot be loaded, with the reason. */
export function loadPeer<T>(name: string, folder: string = PEERS): Peer<T> {
  const require = createRequire(resolve(folder, 'package.json'))
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
      readonly version: string
    }
    return { module: require(name) as T, version }
  } catch (problem) {
    const { code, message } = problem as NodeJS.ErrnoException
    const isMissing = code === 'ENOENT' || code === 'MODULE_NOT_FOUND'
    throw new AbsentError(isMissing ? `${name} is not installed in ${folder}` : `${name} does not load: ${message}`)
  }
}
