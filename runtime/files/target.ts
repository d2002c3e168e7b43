/** The target of an output: a file that is replaced, or a stream. */
import { accessSync, constants, lstatSync, readlinkSync, statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FileError } from '../errors.ts'
import { kindOf } from './kind.ts'
import { withFileErrors, codeOf, WRITE } from './reason.ts'

export type Target =
  /** Replaced atomically; `stats` describe the existing file, null if there is none. */
  | { readonly kind: 'file'; readonly path: string; readonly stats: Stats | null }
  /** A device or a FIFO. */
  | { readonly kind: 'stream'; readonly path: string; readonly isFifo: boolean }
  /** An open descriptor of this process, such as /dev/stdout. */
  | { readonly kind: 'descriptor'; readonly path: string; readonly descriptor: number }

/** The limit of Linux. */
const LINKS = 40

const DESCRIPTOR = new RegExp(`^(?:/dev/fd|/proc/(?:self|thread-self|${process.pid})/fd)/(\\d+)$`)

function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Resolves links, including dangling ones: the link stays and its target is written. */
function followed(path: string): string {
  let at = path
  for (let links = 0; links <= LINKS; links++) {
    if (DESCRIPTOR.test(at)) return at
    const link = orNull(() => lstatSync(at))
    if (link === null || !link.isSymbolicLink()) return at
    at = resolve(dirname(at), readlinkSync(at))
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP', syscall: 'readlink' })
}

function classify(path: string, typed: string): Target {
  const at = followed(path)
  const descriptor = DESCRIPTOR.exec(at)?.[1]
  if (descriptor !== undefined) return { kind: 'descriptor', path, descriptor: Number(descriptor) }
  const stats = orNull(() => statSync(at))
  if (stats === null) return { kind: 'file', path: at, stats }
  const kind = kindOf(stats)
  if (kind === 'directory' || kind === 'socket' || kind === 'block device')
    throw new FileError(typed, `${WRITE}: it is a ${kind}`)
  // a rename would also replace a write-protected file
  accessSync(at, constants.W_OK)
  return kind === 'file' ? { kind: 'file', path: at, stats } : { kind: 'stream', path: at, isFifo: kind === 'FIFO' }
}

/** Throws a FileError for a directory, a socket, a block device or a write-protected file. */
export const targetOf = (path: string, typed = path): Target => withFileErrors(typed, WRITE, () => classify(path, typed))
