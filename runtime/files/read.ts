/** Reads regular files: a FIFO or a device is refused immediately, without blocking. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { FileError } from '../errors.ts'
import { kindOf } from './kind.ts'

// a FIFO that replaces the file after the check must not block either
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

function demandFile(path: string, stats: Stats): void {
  const kind = kindOf(stats)
  if (kind !== 'file') throw new FileError(path, `is a ${kind}, not a regular file`)
}

/** Opens a regular file. Throws a FileError for any other kind, and the system's error if it cannot be opened. */
export async function openRegular(path: string): Promise<FileHandle> {
  demandFile(path, await stat(path))
  const file = await open(path, FLAGS)
  try {
    demandFile(path, await file.stat())
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** All bytes of a regular file. Throws as `openRegular` does. */
export async function readRegular(path: string): Promise<Buffer> {
  const file = await openRegular(path)
  try {
    return await file.readFile()
  } finally {
    await file.close()
  }
}

const CHUNK = 1 << 20

/** Bytes of a descriptor up to its end, or `limit` of them. */
export function readUpTo(file: number, limit: number, wait: () => void = () => {}): Buffer {
  const pieces: Buffer[] = []
  for (let done = 0; done < limit;) {
    const piece = Buffer.allocUnsafe(Math.min(CHUNK, limit - done))
    const count = readOrWait(file, piece, wait)
    if (count === 0) break
    pieces.push(piece.subarray(0, count))
    done += count
  }
  return Buffer.concat(pieces)
}

/** If a non-blocking descriptor has no data yet, `wait` is called: it returns to retry, or throws. */
function readOrWait(file: number, piece: Buffer, wait: () => void): number {
  for (;;) {
    try {
      return readSync(file, piece)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      wait()
    }
  }
}

/** The first `limit` bytes of a regular file. Throws a FileError for any other kind, and the system's errors. */
export function readRegularSync(path: string, limit: number): Buffer {
  demandFile(path, statSync(path))
  const file = openSync(path, FLAGS)
  try {
    demandFile(path, fstatSync(file))
    return readUpTo(file, limit, () => {
      throw new FileError(path, 'has nothing to read now')
    })
  } finally {
    closeSync(file)
  }
}
