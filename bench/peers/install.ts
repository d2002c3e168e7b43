/** Installs the package of the peers where one of its libraries is missing or has another version. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PEERS } from './runners/load-peer.ts'

interface Package {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Empty where there is none. */
function readPackage(folder: string): Package {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
  } catch {
    // not installed, or only in part: npm replaces it
    return {}
  }
}

/** Whether a package has all its dependencies, in the versions that it pins. */
export const isInstalled = (folder: string): boolean =>
  Object.entries(readPackage(folder).dependencies ?? {}).every(
    ([name, version]) => readPackage(join(folder, 'node_modules', name)).version === version,
  )

/** No script of a package runs. Says where it fails; the peers are then absent. */
export function installPeers(say: (text: string) => void): void {
  if (isInstalled(PEERS)) return
  say(`installing the peers into ${PEERS}/node_modules (about 360 MB)\n`)
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    encoding: 'utf8',
  })
  if (status !== 0) say(`npm ci failed in ${PEERS}: ${stderr?.trim().split('\n')[0] ?? ''}\n`)
}
