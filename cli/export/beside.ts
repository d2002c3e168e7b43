/** Files of a checkpoint's folder that go with a model whatever its weights are. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openRegular } from '../../runtime/files/index.ts'
import type { NamedFile } from './shards.ts'

/** Tokenizers, settings of generation, processors of images and sounds, the model's own Python files, its card and licence. */
const BESIDE: readonly RegExp[] = [
  /^(generation_config|tokenizer|special_tokens|added_tokens|vocab|merges|chat_template|spiece|sentencepiece)[\w.-]*$/,
  /^(pre)?processor_config\.json$/,
  /^[\w.-]+\.(tiktoken|py)$/,
  /^(README|LICEN[CS]E|NOTICE)[\w.-]*$/,
]

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** Their names, in order. */
export const besideIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => BESIDE.some((pattern) => pattern.test(name)) && isFile(join(folder, name)))
    .sort()

/** Bytes read at a time. */
const CHUNK = 2 ** 20

/** A file in pieces; it is opened when the first is asked for. */
export async function* filePieces(path: string): AsyncGenerator<Uint8Array> {
  const file = await openRegular(path)
  try {
    for (let at = 0; ;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK), 0, CHUNK, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

export const besideFiles = (folder: string): readonly NamedFile[] =>
  besideIn(folder).map((name) => {
    const path = join(folder, name)
    return { name, pieces: filePieces(path), bytes: statSync(path).size }
  })
