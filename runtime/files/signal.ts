/** Unfinished drafts are removed when the process exits or receives a catchable signal. */
import { rmSync } from 'node:fs'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const pending = new Set<string>()

/** The handlers stay while a draft is pending, and until the event loop has polled for signals after the last one. */
let isWatching = false
let idle: NodeJS.Immediate | null = null

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
  if (idle !== null) clearImmediate(idle)
  idle = null
  if (isWatching) return
  isWatching = true
  // prepended: a `once` handler called earlier would no longer be counted
  for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  process.on('exit', removePending)
}

function unwatch(): void {
  isWatching = false
  for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  process.removeListener('exit', removePending)
}

/**
 * Renames and what follows them are synchronous: a signal meanwhile waits for the event loop, and is lost, or ends the process in
 * between, where its handler is removed before. The first immediate may run in the current turn, the second runs after a poll.
 */
function unwatchIdle(): void {
  idle = setImmediate(() => {
    idle = setImmediate(() => {
      idle = null
      unwatch()
    })
  })
}

/** Until `settle`, removes the path if the process exits or receives a catchable signal. */
export function keepWatch(path: string): void {
  watch()
  pending.add(path)
}

/** Ends the watch over a path. */
export function settle(path: string): void {
  if (pending.delete(path) && pending.size === 0) unwatchIdle()
}

/** Removes an unfinished draft. */
export function discard(path: string): void {
  rmSync(path, { recursive: true, force: true })
  settle(path)
}
