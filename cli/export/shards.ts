/** Tensors in files as the hub has them: one, or several of a limited size and an index. */
import type { Pieces } from '../../runtime/files/index.ts'
import { textPieces } from '../../runtime/files/index.ts'
import { headerBytes } from '../../runtime/checkpoint/encode.ts'
import { writeJson } from '../../runtime/checkpoint/json.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { dtypeRecord } from '../../runtime/checkpoint/dtypes.ts'
import type { ExportedTensor } from './tensors.ts'

export interface NamedFile {
  readonly name: string
  readonly pieces: Pieces
  readonly bytes: number
}

/** Programs that read safetensors with PyTorch look for it. */
const METADATA = { format: 'pt' }

/** Wide elements first, so that each tensor begins at a multiple of its element. */
const inOrder = (tensors: readonly ExportedTensor[]): readonly ExportedTensor[] =>
  tensors.toSorted(
    (a, b) => dtypeRecord(b.dtype).bits - dtypeRecord(a.dtype).bits || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  )

async function* pieces(header: Uint8Array, tensors: readonly ExportedTensor[]): AsyncGenerator<Uint8Array> {
  yield header
  for (const tensor of tensors) yield* tensor.pieces()
}

/** A safetensors file of these tensors. */
export function tensorFile(
  name: string,
  list: readonly ExportedTensor[],
  more: Readonly<Record<string, string>> = {},
): NamedFile {
  const tensors = inOrder(list)
  const header = headerBytes(tensors, { ...METADATA, ...more })
  const bytes = header.length + tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
  return { name, pieces: pieces(header, tensors), bytes }
}

/** Tensors in their order, as many in each shard as fit; a tensor that is larger has one of its own. */
export function shardsOf<T extends { readonly bytes: number }>(tensors: readonly T[], limit: number): readonly (readonly T[])[] {
  const shards: T[][] = []
  let room = 0
  for (const tensor of tensors) {
    if (shards.length === 0 || tensor.bytes > room) {
      shards.push([])
      room = limit
    }
    shards.at(-1)!.push(tensor)
    room -= tensor.bytes
  }
  return shards
}

const number = (value: number): string => String(value).padStart(5, '0')

/** `limit` in bytes of tensors. */
export function weightFiles(tensors: readonly ExportedTensor[], limit: number): readonly NamedFile[] {
  const shards = shardsOf(tensors, limit)
  if (shards.length <= 1) return [tensorFile(SINGLE, tensors)]
  const nameOf = (at: number): string => `model-${number(at + 1)}-of-${number(shards.length)}.safetensors`
  const entries = shards.flatMap((shard, at) => shard.map(({ name }): [string, string] => [name, nameOf(at)]))
  const index = {
    metadata: { total_size: tensors.reduce((sum, { bytes }) => sum + bytes, 0) },
    weight_map: Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
  const text = `${writeJson(index)}\n`
  return [
    ...shards.map((shard, at) => tensorFile(nameOf(at), shard)),
    { name: INDEX, pieces: textPieces(text), bytes: Buffer.byteLength(text) },
  ]
}
