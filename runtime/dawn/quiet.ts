/**
 * Dawn writes to the file descriptor of stderr directly, bypassing Node: two warnings per software driver about unused limits,
 * and one if no Vulkan loader is installed. During a call the descriptor is redirected to a temporary file, and everything except
 * those warnings is passed on.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { isMainThread } from 'node:worker_threads'

const STDERR = 2

const HARMLESS = [
  /^Warning: maxDynamic(?:Uniform|Storage)BuffersPerPipelineLayout artificially reduced .*\n/gm,
  // `doctor` and the error about a missing adapter report this with the command to run
  /^Warning: Couldn't load Vulkan: .*\n(?: +at .*\n)?\n?/gm,
]

/**
 * Resources that may be active while descriptors are redirected: none opens a file on another thread, which could get the number
 * of stderr between its closing and its opening.
 */
const HARMLESS_RESOURCES = new Set(['TTYWrap', 'PipeWrap', 'Timeout', 'Immediate', 'SignalWrap', 'FSEventWrap', 'CloseReq'])

/**
 * A terminal or a pipe can be reopened. A regular file cannot: its position is shared with other processes and would be
 * lost; nor a socket.
 */
function canExchange(): boolean {
  if (process.platform !== 'linux' || !isMainThread) return false
  if (!process.getActiveResourcesInfo().every((name) => HARMLESS_RESOURCES.has(name))) return false
  try {
    return isatty(STDERR) || fstatSync(STDERR).isFIFO()
  } catch {
    return false
  }
}

/** An unlinked temporary file. */
function openNameless(): number {
  const path = join(tmpdir(), `smoe-${process.pid}-${performance.now()}`)
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  unlinkSync(path)
  return descriptor
}

/**
 * Runs a synchronous call and filters the warnings about limits from its stderr; without a filter where redirection is not safe.
 */
export function quietly<T>(call: () => T): T {
  if (!canExchange()) return call()
  let [stderr, kept] = [-1, -1]
  try {
    stderr = openSync(`/proc/self/fd/${STDERR}`, constants.O_WRONLY | constants.O_NOCTTY)
    kept = openNameless()
  } catch {
    for (const descriptor of [stderr, kept]) if (descriptor >= 0) closeSync(descriptor)
    return call()
  }
  const exchange = (source: number): void => {
    closeSync(STDERR)
    openSync(`/proc/self/fd/${source}`, constants.O_WRONLY | constants.O_NOCTTY)
  }
  try {
    exchange(kept)
    return call()
  } finally {
    exchange(stderr)
    const written = HARMLESS.reduce((text, pattern) => text.replace(pattern, ''), readFileSync(`/proc/self/fd/${kept}`, 'utf8'))
    if (written !== '') writeSync(STDERR, written)
    closeSync(stderr)
    closeSync(kept)
  }
}
