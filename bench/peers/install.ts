/** Installs the package of the peers where its lock file is newer than what is installed. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { PEERS } from './runners/load-peer.ts'

const modified = (file: string): number => statSync(join(PEERS, file), { throwIfNoEntry: false })?.mtimeMs ?? -1

const isInstalled = (): boolean => modified('node_modules/.package-lock.json') >= modified('package-lock.json')

/** No script of a package runs. Says where it fails; the peers are then absent. */
export function installPeers(say: (text: string) => void): void {
  if (isInstalled()) return
  say(`installing the peers into ${PEERS}/node_modules (about 360 MB)\n`)
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    encoding: 'utf8',
  })
  if (status !== 0) say(`npm ci failed in ${PEERS}: ${stderr?.trim().split('\n')[0] ?? ''}\n`)
}
