/** Drafts: temporary paths that are renamed to a file or directory when complete. Only a killed process leaves any behind. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isAlive } from './process.ts'

/** `.part` is being written; `.old` is the previous directory during a replacement. */
export type DraftKind = 'part' | 'old'

const tag = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10)

/** Of fixed length: the target's own name may already have 255 bytes. */
const NAME = /^\.smoe-([0-9a-f]{10})-([0-9a-f]{10})-(\d+)-[0-9a-f]{8}\.(part|old)$/

/** The path of a new draft in a directory, for a target by its name. */
export const draftPath = (directory: string, target: string, kind: DraftKind): string =>
  join(directory, `.smoe-${tag(basename(target))}-${tag(hostname())}-${process.pid}-${randomBytes(4).toString('hex')}.${kind}`)

export const isDraft = (name: string): boolean => NAME.test(name)

/** Drafts of a target from killed processes of this machine. */
export function leftDrafts(directory: string, target: string, kind: DraftKind): readonly string[] {
  let names: readonly string[] = []
  try {
    names = readdirSync(directory)
  } catch {
    // a missing directory has no drafts
  }
  return names
    .filter((name) => {
      const [, of, host, pid, its] = NAME.exec(name) ?? []
      return of === tag(basename(target)) && host === tag(hostname()) && its === kind && !isAlive(Number(pid))
    })
    .map((name) => join(directory, name))
}

export function removeLeft(target: string): void {
  for (const path of leftDrafts(dirname(target), target, 'part')) rmSync(path, { recursive: true, force: true })
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const pending = new Set<string>()

function removePending(): void {
  for (const path of pending) rmSync(path, { recursive: true, force: true })
  pending.clear()
}

/** If nothing else handles the signal, it ends the process as it would by default. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  removePending()
  unwatch()
  process.kill(process.pid, signal)
}

function watch(): void {
  // prepended: a `once` handler called earlier would no longer be counted
  for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  process.on('exit', removePending)
}

function unwatch(): void {
  for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  process.removeListener('exit', removePending)
}

/** Until `settle`, removes the path if the process exits or receives a catchable signal. */
export function keepWatch(path: string): void {
  if (pending.size === 0) watch()
  pending.add(path)
}

/** Ends the watch over a path. */
export function settle(path: string): void {
  if (pending.delete(path) && pending.size === 0) unwatch()
}

/** Removes an unfinished draft. */
export function discard(path: string): void {
  rmSync(path, { recursive: true, force: true })
  settle(path)
}
