import { CheckpointError } from '../errors.ts'
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import { joinCodes } from './codes/join.ts'
import { parseJson } from './json.ts'
import { cut, listed, quoted } from './quote.ts'
import { openPlainSafetensors, openSafetensors } from './safetensors.ts'
import { orClose, type ByteSource } from './source.ts'

/** Opens a file by its name beside the others; null where there is none. */
export type OpenFile = (name: string) => Promise<ByteSource | null>

export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'

/** The reason why a directory is not a model. */
export const NEITHER = `has neither ${SINGLE} nor ${INDEX}`

/** Larger indexes are refused without being read, like larger headers. */
const LONGEST_INDEX = 100_000_000

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A shard must be in the directory of its index. */
const isFileName = (file: unknown): file is string =>
  typeof file === 'string' && /^[^/\\\u0000]+$/.test(file) && file !== '..' && file !== '.' && file.length <= 255

const valueText = (value: unknown): string =>
  cut(typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'an object') : JSON.stringify(value))

type WeightMap = ReadonlyMap<string, string>

function parseIndex(name: string, text: string): WeightMap {
  let index: unknown
  try {
    index = parseJson(text)
  } catch (error) {
    throw new CheckpointError(name, `is not JSON: ${cut((error as Error).message, 120)}`)
  }
  const map = isRecord(index) ? index.weight_map : undefined
  if (!isRecord(map)) throw new CheckpointError(name, 'has no weight_map')
  const entries = Object.entries(map).map(([tensor, file]): [string, string] => {
    if (isFileName(file)) return [tensor, file]
    throw new CheckpointError(name, `tensor ${quoted(tensor)} is said to be in ${valueText(file)}, which is not a file name`)
  })
  if (entries.length === 0) throw new CheckpointError(name, 'has an empty weight_map')
  return new Map(entries)
}

/** Tensor -> file. */
async function readIndex(index: ByteSource): Promise<WeightMap> {
  if (index.size > LONGEST_INDEX) throw new CheckpointError(index.name, `an index of ${index.size} bytes is too long`)
  return parseIndex(index.name, new TextDecoder('utf-8', { ignoreBOM: true }).decode(await index.read(0, index.size)))
}

type Shards = ReadonlyMap<string, Checkpoint>

async function closeAll(shards: Shards): Promise<void> {
  for (const shard of shards.values()) await shard.close()
}

async function openAll(index: string, files: readonly string[], open: OpenFile): Promise<Shards> {
  const shards = new Map<string, Checkpoint>()
  return orClose({ close: () => closeAll(shards) }, async () => {
    for (const file of files) {
      const source = await open(file)
      if (source === null) throw new CheckpointError(index, `the shard ${cut(file)} is not there`)
      shards.set(file, await openPlainSafetensors(source))
    }
    return shards
  })
}

/** Each tensor must be in exactly one shard, the one in the index. Tensors that the index does not list are included. */
function whereTensorsAre(index: string, map: WeightMap, shards: Shards): WeightMap {
  const found = new Map<string, string>()
  for (const [file, shard] of shards) {
    for (const tensor of shard.tensors.keys()) {
      const other = found.get(tensor)
      if (other !== undefined)
        throw new CheckpointError(index, `tensor ${quoted(tensor)} is in both ${cut(other)} and ${cut(file)}`)
      found.set(tensor, file)
    }
  }
  for (const [tensor, file] of map) {
    if (found.get(tensor) !== file)
      throw new CheckpointError(index, `tensor ${quoted(tensor)} is said to be in ${cut(file)}, which does not have it`)
  }
  // in the order of the index
  return new Map([...map, ...found])
}

/**
 * A checkpoint of several files, as its index says: all tensors that its shards have; codes and scales of a weight may be in
 * different shards. Throws a CheckpointError naming the shard that is missing or lacks a tensor, or the tensor that two shards
 * have. The index is the caller's to close.
 */
export async function openShards(index: ByteSource, open: OpenFile): Promise<Checkpoint> {
  const map = await readIndex(index)
  const shards = await openAll(index.name, [...new Set(map.values())], open)
  const close = (): Promise<void> => closeAll(shards)
  const files = await orClose({ close }, async () => whereTensorsAre(index.name, map, shards))
  const tensors = new Map(
    [...files].map(([tensor, file]): [string, TensorInfo] => [tensor, shards.get(file)!.tensors.get(tensor)!]),
  )
  const read = async (tensor: string, offset: number, length: number): Promise<Uint8Array> => {
    const file = files.get(tensor)
    if (file === undefined) throw new CheckpointError(index.name, `has no tensor ${quoted(tensor)}`)
    return shards.get(file)!.read(tensor, offset, length)
  }
  return orClose({ close }, () => joinCodes({ name: index.name, tensors, metadata: {}, read, close }))
}

/** Programs differ in which of the two files they read, so both are accepted only if they describe the same checkpoint. */
async function refuseBoth(directory: string, index: ByteSource): Promise<void> {
  const others = [...new Set((await readIndex(index)).values())].filter((file) => file !== SINGLE)
  if (others.length === 0) return
  const reason = `has both ${SINGLE} and ${INDEX}, which names other files (${listed(others, 3)}): give the path of the one to read`
  throw new CheckpointError(directory, reason)
}

/**
 * A model as Hugging Face lays it out: one file, or an index and its shards. Throws a CheckpointError where neither is there, or
 * both of different files.
 */
export async function openModel(directory: string, open: OpenFile): Promise<Checkpoint> {
  const single = await open(SINGLE)
  const close = async (): Promise<void> => single?.close()
  return orClose({ close }, async () => {
    const index = await open(INDEX)
    if (index === null && single === null) throw new CheckpointError(directory, NEITHER)
    if (index === null) return openSafetensors(single!)
    try {
      if (single !== null) await refuseBoth(directory, index)
      return await (single === null ? openShards(index, open) : openSafetensors(single))
    } finally {
      await index.close()
    }
  })
}
