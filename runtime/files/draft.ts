/** Drafts: what becomes a file or a directory when it is whole. None outlives its writer, but where that is killed. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isAlive } from './process.ts'

/** `.part` is written; `.old` is what a directory was until its successor stands in its place. */
export type DraftKind = 'part' | 'old'

const tag = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10)

/** Short, whatever the target is called: a name beside a name of 255 bytes has to be possible. */
const NAME = /^\.smoe-([0-9a-f]{10})-([0-9a-f]{10})-(\d+)-[0-9a-f]{8}\.(part|old)$/

/** The path of a new draft in a directory, for a target by its name. */
export const draftPath = (directory: string, target: string, kind: DraftKind): string =>
  join(directory, `.smoe-${tag(basename(target))}-${tag(hostname())}-${process.pid}-${randomBytes(4).toString('hex')}.${kind}`)

export const isDraft = (name: string): boolean => NAME.test(name)

/** Drafts of a target that a process of this machine has left when it was killed. */
export function leftDrafts(directory: string, target: string, kind: DraftKind): readonly string[] {
  let names: readonly string[] = []
  try {
    names = readdirSync(directory)
  } catch {
    // nothing can be left in what is not there
  }
  return names.filter((name) => {
    const [, of, host, pid, its] = NAME.exec(name) ?? []
    return of === tag(basename(target)) && host === tag(hostname()) && its === kind && !isAlive(Number(pid))
  }).map((name) => join(directory, name))
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

/** Where nothing else handles a signal it ends the process, as it would have without drafts. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  removePending()
  unwatch()
  process.kill(process.pid, signal)
}

function watch(): void {
  // first in line: a handler that is called once is gone when those after it are called
  for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  process.on('exit', removePending)
}

function unwatch(): void {
  for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  process.removeListener('exit', removePending)
}

/** Has a path removed when the process ends, by itself or by a signal that can be caught, until `settle`. */
export function keepWatch(path: string): void {
  if (pending.size === 0) watch()
  pending.add(path)
}

/** The path stays, or is gone already. */
export function settle(path: string): void {
  if (pending.delete(path) && pending.size === 0) unwatch()
}

/** Removes a draft that nobody will finish. */
export function discard(path: string): void {
  rmSync(path, { recursive: true, force: true })
  settle(path)
}
