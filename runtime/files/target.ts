/** Where an output goes: into a file that is replaced, or into a stream that takes bytes as they come. */
import { accessSync, constants, lstatSync, readlinkSync, statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FileError } from '../errors.ts'
import { kindOf } from './kind.ts'
import { asked, codeOf, WRITE } from './reason.ts'

export type Target =
  /** Replaced as a whole; `stats` are those of what is there, null where nothing is. */
  | { readonly kind: 'file'; readonly path: string; readonly stats: Stats | null }
  /** A device or a FIFO. */
  | { readonly kind: 'stream'; readonly path: string; readonly isFifo: boolean }
  /** An open descriptor of this process, such as /dev/stdout. */
  | { readonly kind: 'descriptor'; readonly path: string; readonly descriptor: number }

/** As many as Linux follows. */
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

/** Follows links, also one to a file that is not there yet: the link stays and what it names is written. */
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
  if (kind === 'directory' || kind === 'socket' || kind === 'block device') throw new FileError(typed, `${WRITE}: it is a ${kind}`)
  // a rename would replace a file that is protected against writing
  accessSync(at, constants.W_OK)
  return kind === 'file' ? { kind: 'file', path: at, stats } : { kind: 'stream', path: at, isFifo: kind === 'FIFO' }
}

/** Throws a FileError for what can take no file: a directory, a socket, a disk, what is protected against writing. */
export const targetOf = (path: string, typed = path): Target => asked(typed, WRITE, () => classify(path, typed))
