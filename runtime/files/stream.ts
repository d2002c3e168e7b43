/** Writing into what cannot be replaced: devices, FIFOs and open descriptors. */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Pieces } from './pieces.ts'
import { askedLater, codeOf, WRITE } from './reason.ts'
import type { Target } from './target.ts'

/** Writes all of a piece, whatever the system takes at a time. */
export async function writePiece(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten
}

/** How long a reader of a FIFO may take to come, and how often it is looked for; milliseconds. */
const PATIENCE = 2000
const LOOK = 20

/** Opening would wait for ever where no reader comes. */
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
  // held until the stream is open: a reader that sees its only writer go takes that for the end
  const first = isFifo ? await openWithReader(path) : null
  try {
    return await open(path, constants.O_WRONLY | constants.O_NOCTTY)
  } finally {
    if (first !== null) closeSync(first)
  }
}

async function writeDescriptor(descriptor: number, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    try {
      done += writeSync(descriptor, piece, done)
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      await pause(LOOK)
    }
  }
}

/** Writes pieces as they come. Throws a FileError, and what the pieces throw. */
export async function writeStream(target: Exclude<Target, { kind: 'file' }>, typed: string, pieces: Pieces): Promise<void> {
  const file = target.kind === 'stream' ? await askedLater(typed, WRITE, openStream(target.path, target.isFifo)) : null
  try {
    for await (const piece of pieces) await askedLater(typed, WRITE, target.kind === 'stream' ? writePiece(file!, piece) : writeDescriptor(target.descriptor, piece))
  } finally {
    await file?.close()
  }
}
