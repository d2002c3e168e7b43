import { CheckpointError } from '../errors.ts'
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import { openSafetensors } from './safetensors.ts'
import type { ByteSource } from './source.ts'

/** Opens a file by its name beside the others; null where there is none. */
export type OpenFile = (name: string) => Promise<ByteSource | null>

export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Tensor -> file. */
function parseIndex(name: string, text: string): ReadonlyMap<string, string> {
  let index: unknown
  try {
    index = JSON.parse(text)
  } catch (error) {
    throw new CheckpointError(name, `is not JSON: ${(error as Error).message}`)
  }
  const map = isRecord(index) ? index.weight_map : undefined
  if (!isRecord(map)) throw new CheckpointError(name, 'has no weight_map')
  for (const [tensor, file] of Object.entries(map)) {
    // a shard lies beside its index, nowhere else
    if (typeof file !== 'string' || !/^[^/\\\u0000]+$/.test(file) || file === '..' || file === '.') {
      throw new CheckpointError(name, `tensor '${tensor}' is said to be in ${JSON.stringify(file)}, which is no file name`)
    }
  }
  return new Map(Object.entries(map as Record<string, string>))
}

async function openAll(index: string, files: readonly string[], open: OpenFile): Promise<ReadonlyMap<string, Checkpoint>> {
  const shards = new Map<string, Checkpoint>()
  try {
    for (const file of files) {
      const source = await open(file)
      if (source === null) throw new CheckpointError(index, `the shard ${file} is not there`)
      shards.set(file, await openSafetensors(source))
    }
    return shards
  } catch (error) {
    for (const shard of shards.values()) await shard.close()
    throw error
  }
}

/** A checkpoint of several files, as its index says. Throws a CheckpointError naming the shard that is missing or lacks a tensor. */
export async function openShards(index: ByteSource, open: OpenFile): Promise<Checkpoint> {
  const map = parseIndex(index.name, new TextDecoder().decode(await index.read(0, index.size)))
  const shards = await openAll(index.name, [...new Set(map.values())], open)
  const close = async (): Promise<void> => {
    for (const shard of shards.values()) await shard.close()
  }
  const tensors = new Map<string, TensorInfo>()
  for (const [tensor, file] of map) {
    const info = shards.get(file)!.tensors.get(tensor)
    if (info === undefined) {
      await close()
      throw new CheckpointError(index.name, `tensor '${tensor}' is said to be in ${file}, which does not have it`)
    }
    tensors.set(tensor, info)
  }
  const read = async (tensor: string, offset: number, length: number): Promise<Uint8Array> => {
    const file = map.get(tensor)
    if (file === undefined) throw new CheckpointError(index.name, `has no tensor '${tensor}'`)
    return shards.get(file)!.read(tensor, offset, length)
  }
  return { name: index.name, tensors, metadata: {}, read, close }
}

/** A model as Hugging Face lays it out: one file, or an index and its shards. Throws a CheckpointError where neither is there. */
export async function openModel(directory: string, open: OpenFile): Promise<Checkpoint> {
  const index = await open(INDEX)
  if (index !== null) {
    try {
      return await openShards(index, open)
    } finally {
      await index.close()
    }
  }
  const single = await open(SINGLE)
  if (single === null) throw new CheckpointError(directory, `has neither ${SINGLE} nor ${INDEX}`)
  return openSafetensors(single)
}
