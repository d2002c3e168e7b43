/** Writes to devices, FIFOs and open descriptors, which cannot be replaced by a rename. */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Pieces } from './pieces.ts'
import { withFileErrorsAsync, codeOf, WRITE } from './reason.ts'
import type { Target } from './target.ts'

/** Writes a whole piece, in as many system calls as needed. */
export async function writePiece(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length;) done += (await file.write(piece, done)).bytesWritten
}

/** How long to wait for a reader of a FIFO, and the polling interval; milliseconds. */
const PATIENCE = 2000
const LOOK = 20

/** Without O_NONBLOCK, opening would block until a reader appears. */
async function openWithReader(path: string): Promise<number> {
  for (const begin = performance.now(); ; await pause(LOOK)) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (codeOf(error) !== 'ENXIO' || performance.now() - begin > PATIENCE) throw error
    }
  }
}

async function openStream(path: string, isFifo: boolean): Promise<FileHandle> {
  // held until the stream is open: a reader treats the exit of its only writer as the end of the data
  const first = isFifo ? await openWithReader(path) : null
  try {
    return await open(path, constants.O_WRONLY | constants.O_NOCTTY)
  } finally {
    if (first !== null) closeSync(first)
  }
}

async function writeDescriptor(descriptor: number, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length;) {
    try {
      done += writeSync(descriptor, piece, done)
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      await pause(LOOK)
    }
  }
}

/** Writes pieces as they arrive. Throws a FileError, and errors of the pieces. */
export async function writeStream(target: Exclude<Target, { kind: 'file' }>, typed: string, pieces: Pieces): Promise<void> {
  const file = target.kind === 'stream' ? await withFileErrorsAsync(typed, WRITE, openStream(target.path, target.isFifo)) : null
  try {
    for await (const piece of pieces)
      await withFileErrorsAsync(
        typed,
        WRITE,
        target.kind === 'stream' ? writePiece(file!, piece) : writeDescriptor(target.descriptor, piece),
      )
  } finally {
    await file?.close()
  }
}
