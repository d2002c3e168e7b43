/** Checkpoints and plans in files, for Node. */

import { checkArgument, checked, checkedAsync, filled, optional, record, text } from '../../plan/arguments.ts'
import { TENSORS } from '../forms.ts'
import { lstat, readdir, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readPlan } from '../../plan/check.ts'
import type { Plan } from '../../plan/plan.ts'
import { CheckpointError, FileError, PlanError } from '../errors.ts'
import { openRegular, readRegular, reasonOf, writeFileWhole } from '../files/index.ts'
// types that compile without @types/node
import type { Pieces } from '../files/pieces.ts'
import type { Checkpoint } from './checkpoint.ts'
import { encodeHeader, tensorBytes, type FileData } from './encode.ts'
import { openGgufCheckpoint } from './gguf/checkpoint.ts'
import { listed } from './quote.ts'
import { openSafetensors } from './safetensors.ts'
import { INDEX, NEITHER, openModel, openShards, SINGLE } from './shards.ts'
import { orClose, type ByteSource } from './source.ts'

async function readFully(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) throw new CheckpointError(path, `ends at byte ${offset + done}, ${length - done} before it should`)
    done += bytesRead
  }
  return bytes
}

/** A file that is read by range; it stays open until `close`. Throws a CheckpointError. */
export async function fileSource(path: string): Promise<ByteSource> {
  checkArgument('fileSource', 'path', path, filled)
  const file = await openRegular(path).catch((error: unknown) => {
    throw new CheckpointError(path, error instanceof FileError ? error.reason : `cannot be opened: ${reasonOf(error)}`)
  })
  const { size } = await orClose(file, () => file.stat())
  let closed = false
  return {
    name: path,
    size,
    read: (offset, length) =>
      readFully(file, path, offset, length).catch((error: unknown) => {
        throw error instanceof CheckpointError ? error : new CheckpointError(path, `cannot be read: ${reasonOf(error)}`)
      }),
    close: async () => {
      if (closed) return
      closed = true
      await file.close()
    },
  }
}

/** The plan that `smoe compile` wrote. Throws a PlanError where the file cannot be read or holds something else. */
export async function openPlan(path: string): Promise<Plan> {
  checkArgument('openPlan', 'path', path, filled)
  const text = await readRegular(path).catch((error: unknown) => {
    throw new PlanError([`${path} cannot be read (${reasonOf(error)})`])
  })
  const { plan, problems } = readPlan(new TextDecoder().decode(text))
  if (plan === null) throw new PlanError(problems.map((problem) => `${path}: ${problem}`))
  return plan
}

const kindOf = async (path: string): Promise<'file' | 'directory' | 'nothing'> => {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch {
    return 'nothing'
  }
}

/** A directory of this name or a link to nothing is there too: opening it says what is wrong. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

const openBeside =
  (directory: string) =>
  async (name: string): Promise<ByteSource | null> => {
    const path = join(directory, name)
    if (!(await isThere(path))) return null
    if ((await kindOf(path)) === 'nothing') throw new CheckpointError(path, 'is a link that leads to no file')
    return fileSource(path)
  }

/** For a message: the files of a folder that may have been meant. */
async function heldBy(directory: string): Promise<string> {
  const names = (await readdir(directory).catch(() => []))
    .filter((name) => /\.(safetensors|safetensors\.index\.json|bin|pt|pth|gguf)$/.test(name))
    .sort()
  if (names.length === 0) return ''
  const isReadable = names.some((name) => /safetensors|gguf/.test(name))
  return `; it has ${listed(names, 4)}${isReadable ? ': give the path of the one to read' : ', and only safetensors and GGUF files are read'}`
}

async function openDirectory(path: string): Promise<Checkpoint> {
  const found = await Promise.all([SINGLE, INDEX].map((name) => isThere(join(path, name))))
  if (!found.includes(true)) throw new CheckpointError(path, `${NEITHER}${await heldBy(path)}`)
  return openModel(path, openBeside(path))
}

/** A safetensors file, an index of shards, a directory with either, or a GGUF file. Throws a CheckpointError with its name. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  checkArgument('openCheckpoint', 'path', path, filled)
  const kind = await kindOf(path)
  if (kind === 'nothing') throw new CheckpointError(path, 'is not there')
  if (kind === 'directory') return openDirectory(path)
  const source = await fileSource(path)
  if (path.endsWith('.gguf')) return openGgufCheckpoint(source)
  if (!path.endsWith('.json')) return openSafetensors(source)
  try {
    return await openShards(source, openBeside(dirname(path)))
  } finally {
    await source.close()
  }
}

function* piecesOf(
  tensors: Readonly<Record<string, FileData>>,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const { header, order } = encodeHeader(tensors, metadata)
  yield header
  for (const name of order) yield tensorBytes(tensors[name])
}

/** A safetensors file as pieces, for a writer of files. Throws a RangeError where a shape is not that of its data. */
const FILE = { tensors: TENSORS, metadata: optional(record(text)) }

export const safetensorsPieces = checked(
  'safetensorsPieces',
  FILE,
  (tensors: Readonly<Record<string, FileData>>, metadata: Readonly<Record<string, string>> = {}): Pieces =>
    piecesOf(tensors, metadata),
)

/** Writes tensors as a safetensors file: all of it is there under its name, or nothing. Throws a FileError. */
export const writeSafetensors = checkedAsync(
  'writeSafetensors',
  { path: filled, ...FILE },
  (path: string, tensors: Readonly<Record<string, FileData>>, metadata: Readonly<Record<string, string>> = {}): Promise<void> =>
    writeFileWhole(path, safetensorsPieces(tensors, metadata)),
)
