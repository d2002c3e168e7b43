/** Examples from files, by how their names end: `.csv` images, `.npy` and `.safetensors` arrays, else text. */
import { readFile } from 'node:fs/promises'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { arrayData, tokenData } from '../data/arrays.ts'
import type { Data } from '../data/data.ts'
import { imageData } from '../data/images.ts'
import { joinData } from '../data/join.ts'
import { parseNpy, type FileArray } from '../data/npy.ts'
import { decodeUtf8, textData } from '../data/text.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import { DataError } from '../errors.ts'

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new DataError(path, null, `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  }
}

async function arraysOf(path: string): Promise<Data> {
  const file = await openCheckpoint(path)
  try {
    const arrays: Record<string, FileArray> = {}
    for (const name of file.tensors.keys()) arrays[name] = await readTensor(file, name)
    return arrayData(arrays, path)
  } finally {
    await file.close()
  }
}

type Kind = 'csv' | 'npy' | 'safetensors' | 'text'

const kindOf = (path: string): Kind => (/\.(csv|npy|safetensors)$/i.exec(path)?.[1].toLowerCase() as Kind | undefined) ?? 'text'

const READERS: { readonly [K in Exclude<Kind, 'text'>]: (path: string) => Promise<Data> } = {
  csv: async (path) => imageData(decodeUtf8(await bytesOf(path), path), path),
  npy: async (path) => tokenData(parseNpy(await bytesOf(path), path), path),
  safetensors: arraysOf,
}

async function readTexts(paths: readonly string[], vocabulary: Vocabulary | undefined): Promise<Data> {
  if (vocabulary?.kind === 'bytes') {
    const parts = await Promise.all(paths.map(async (path): Promise<Data> => ({ kind: 'stream', name: path, tokens: Int32Array.from(await bytesOf(path)), vocabulary })))
    return joinData(parts)
  }
  const texts: { name: string; text: string }[] = []
  for (const path of paths) texts.push({ name: path, text: decodeUtf8(await bytesOf(path), path) })
  return textData(texts, vocabulary)
}

/**
 * Reads files of one kind, one after the other, as one. Text is read with a vocabulary, or with that of its own characters. Throws a DataError
 * with the line, and a CheckpointError for a `.safetensors` file that is none.
 */
export async function readData(paths: readonly string[], vocabulary?: Vocabulary): Promise<Data> {
  if (paths.length === 0) throw new DataError('no file', null, 'is given to learn from')
  const kinds = paths.map(kindOf)
  const other = kinds.findIndex((kind) => kind !== kinds[0])
  if (other >= 0) throw new DataError(paths[other], null, `is ${kinds[other]}, ${paths[0]} is ${kinds[0]}; files that are read as one are of one kind`)
  const [kind] = kinds
  if (kind === 'text') return readTexts(paths, vocabulary)
  const parts: Data[] = []
  for (const path of paths) parts.push(await READERS[kind](path))
  return joinData(parts)
}
