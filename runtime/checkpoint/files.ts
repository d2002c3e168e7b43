/** Checkpoints in files, for Node. */

import { randomBytes } from 'node:crypto'
import { open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import type { Checkpoint } from './checkpoint.ts'
import { encodeHeader, tensorBytes, type FileData } from './encode.ts'
import { listed } from './quote.ts'
import { openSafetensors } from './safetensors.ts'
import { INDEX, NEITHER, openModel, openShards, SINGLE } from './shards.ts'
import { orClose, type ByteSource } from './source.ts'

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message

async function readFully(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) throw new CheckpointError(path, `ends at byte ${offset + done}, ${length - done} before it should`)
    done += bytesRead
  }
  return bytes
}

/** A file that is read by range; it stays open until `close`. Throws a CheckpointError. */
export async function fileSource(path: string): Promise<ByteSource> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new CheckpointError(path, `cannot be opened (${reasonOf(error)})`)
  })
  const { size } = await orClose(file, () => file.stat())
  let closed = false
  return {
    name: path,
    size,
    read: (offset, length) => readFully(file, path, offset, length).catch((error: unknown) => {
      throw error instanceof CheckpointError ? error : new CheckpointError(path, `cannot be read (${reasonOf(error)})`)
    }),
    close: async () => {
      if (closed) return
      closed = true
      await file.close()
    },
  }
}

const kindOf = async (path: string): Promise<'file' | 'directory' | 'nothing'> => {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch {
    return 'nothing'
  }
}

const openBeside = (directory: string) => async (name: string): Promise<ByteSource | null> => {
  const path = join(directory, name)
  return (await kindOf(path)) === 'file' ? fileSource(path) : null
}

/** What a folder holds that could have been meant, for a message. */
async function heldBy(directory: string): Promise<string> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => /\.(safetensors|safetensors\.index\.json|bin|pt|pth|gguf)$/.test(name)).sort()
  if (names.length === 0) return ''
  const isReadable = names.some((name) => /safetensors/.test(name))
  return `; it has ${listed(names, 4)}${isReadable ? ': give the path of the one to read' : ', and only safetensors files are read'}`
}

async function openDirectory(path: string): Promise<Checkpoint> {
  const kinds = await Promise.all([SINGLE, INDEX].map((name) => kindOf(join(path, name))))
  if (!kinds.includes('file')) throw new CheckpointError(path, `${NEITHER}${await heldBy(path)}`)
  return openModel(path, openBeside(path))
}

/** A safetensors file, an index of shards, or a directory with either. Throws a CheckpointError that names the file. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const kind = await kindOf(path)
  if (kind === 'nothing') throw new CheckpointError(path, 'is not there')
  if (kind === 'directory') return openDirectory(path)
  const source = await fileSource(path)
  if (!path.endsWith('.json')) return openSafetensors(source)
  try {
    return await openShards(source, openBeside(dirname(path)))
  } finally {
    await source.close()
  }
}

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

async function writeAll(path: string, pieces: Pieces): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for await (const piece of pieces) {
      for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The new name is on the disk only when the directory is. Not every system can. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => null)
  await directory?.sync().catch(() => {})
  await directory?.close()
}

function* piecesOf(tensors: Readonly<Record<string, FileData>>, metadata: Readonly<Record<string, string>>): Generator<Uint8Array> {
  const { header, order } = encodeHeader(tensors, metadata)
  yield header
  for (const name of order) yield tensorBytes(tensors[name])
}

/** Writes tensors as a safetensors file: all of it is there under its name, or nothing. Throws a CheckpointError. */
export async function writeSafetensors(
  path: string, tensors: Readonly<Record<string, FileData>>, metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writePieces(path, piecesOf(tensors, metadata))
}

/** Writes a file piece by piece: all of it is there under its name, or nothing. Throws a CheckpointError. */
export async function writePieces(path: string, pieces: Pieces): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    await writeAll(temporary, pieces)
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error instanceof CheckpointError ? error : new CheckpointError(path, `cannot be written (${reasonOf(error)})`)
  }
}
