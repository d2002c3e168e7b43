/**
 * The projection from the latent of an attention to keys and values, which files of DeepSeek have in two tensors: for each of H
 * heads, the keys transposed, [H, R, N], and the values, [H, V, R]. They are joined to [H (N + V), R], as on the hub.
 */
import { isFormat } from '../../../plan/storage/formats.ts'
import { CheckpointError } from '../../errors.ts'
import { elementCount } from '../../tensors.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint.ts'
import { DTYPES, dtypeRecord, type ElementType } from '../dtypes.ts'
import { listed, quoted } from '../quote.ts'

const KEYS = 'attn_k_b.weight'
const VALUES = 'attn_v_b.weight'
const JOINED = 'attn_kv_b.weight'

interface Split {
  readonly name: string
  readonly keys: TensorInfo
  readonly values: TensorInfo
  readonly dtype: 'F32' | 'F16' | 'BF16'
  readonly heads: number
  /** Channels of the latent, of a key and of a value. */
  readonly rank: number
  readonly key: number
  readonly value: number
}

/** Sizes of the three axes; a file may leave out the axis of one head. */
const axes = ({ shape }: TensorInfo): readonly number[] => (shape.length === 2 ? [1, ...shape] : shape)

const sizes = ({ shape }: TensorInfo): string => `[${listed(shape.map(String), 8)}]`

/** Types that are joined as they are; blocks of a format lie along the rows of one tensor, and become f32. */
const PLAIN: readonly ElementType[] = ['F32', 'F16', 'BF16']

const isPlain = (dtype: ElementType): dtype is Split['dtype'] => PLAIN.includes(dtype)

function splitOf(file: string, before: string, keys: TensorInfo | undefined, values: TensorInfo | undefined): Split {
  const [there, missing] = keys === undefined ? [VALUES, KEYS] : [KEYS, VALUES]
  if (keys === undefined || values === undefined)
    throw new CheckpointError(file, `has ${quoted(`${before}${there}`)} without ${quoted(`${before}${missing}`)}`)
  const [[heads, rank, key], [others, value, width]] = [axes(keys), axes(values)]
  const isWhole = axes(keys).length === 3 && axes(values).length === 3 && keys.bytes > 0 && values.bytes > 0
  if (!isWhole || heads !== others || rank !== width)
    throw new CheckpointError(
      file,
      `${quoted(keys.name)} is ${sizes(keys)} and ${quoted(values.name)} ${sizes(values)}: heads and channels of the latent differ`,
    )
  const odd = [keys, values].find(({ dtype }) => !isPlain(dtype) && !isFormat(dtype))
  if (odd !== undefined) throw new CheckpointError(file, `${quoted(odd.name)} is ${odd.dtype}: it must have real numbers`)
  const dtype = keys.dtype === values.dtype && isPlain(keys.dtype) ? keys.dtype : 'F32'
  return { name: `${before}${JOINED}`, keys, values, dtype, heads, rank, key, value }
}

/** The projections of a file that are split. Throws a CheckpointError where a part is missing or the whole is there too. */
function splitsOf({ name: file, tensors }: Checkpoint): readonly Split[] {
  const names = [...tensors.keys()].flatMap((name) => {
    const end = [KEYS, VALUES].find((one) => name.endsWith(one))
    return end === undefined ? [] : [name.slice(0, -end.length)]
  })
  return [...new Set(names)].map((before) => {
    const [keys, values] = [tensors.get(`${before}${KEYS}`), tensors.get(`${before}${VALUES}`)]
    if (tensors.has(`${before}${JOINED}`))
      throw new CheckpointError(file, `has ${quoted(`${before}${JOINED}`)} beside its parts for keys and values`)
    return splitOf(file, before, keys, values)
  })
}

const elementBytes = (dtype: Split['dtype']): number => DTYPES[dtype].bits / 8

/** Rows `first` .. `first + count - 1` of a tensor, in another type where it has not that one. */
async function rowsOf(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  first: number,
  count: number,
  to: Split['dtype'],
): Promise<Uint8Array> {
  const { name, dtype, shape, bytes } = tensor
  const rowBytes = bytes / (elementCount(shape) / shape.at(-1)!)
  const stored = await checkpoint.read(name, first * rowBytes, count * rowBytes)
  if (dtype === to) return stored
  const values = dtypeRecord(dtype).read!(stored.slice().buffer as ArrayBuffer)
  return new Uint8Array(values.buffer)
}

/** The rows of a head: the keys, transposed back, and the values. */
async function headBytes(checkpoint: Checkpoint, split: Split, head: number): Promise<Uint8Array> {
  const { keys, values, rank, key, value, dtype } = split
  const size = elementBytes(dtype)
  const [turned, plain] = await Promise.all([
    rowsOf(checkpoint, keys, head * rank, rank, dtype),
    rowsOf(checkpoint, values, head * value, value, dtype),
  ])
  const rows = new Uint8Array((key + value) * rank * size)
  for (let row = 0; row < key; row++) {
    for (let column = 0; column < rank; column++) {
      const [from, to] = [(column * key + row) * size, (row * rank + column) * size]
      for (let byte = 0; byte < size; byte++) rows[to + byte] = turned[from + byte]
    }
  }
  rows.set(plain, key * rank * size)
  return rows
}

async function readJoined(checkpoint: Checkpoint, split: Split, offset: number, length: number): Promise<Uint8Array> {
  const perHead = (split.key + split.value) * split.rank * elementBytes(split.dtype)
  const found = new Uint8Array(length)
  for (let head = Math.floor(offset / perHead); head * perHead < offset + length; head++) {
    const rows = await headBytes(checkpoint, split, head)
    const [from, end] = [Math.max(offset - head * perHead, 0), Math.min(offset + length - head * perHead, perHead)]
    found.set(rows.subarray(from, end), head * perHead + from - offset)
  }
  return found
}

const infoOf = ({ name, dtype, heads, rank, key, value }: Split): TensorInfo => {
  const rows = heads * (key + value)
  return { name, dtype, shape: [rows, rank], bytes: rows * rank * elementBytes(dtype) }
}

/**
 * The checkpoint with each split projection as one tensor, in the type of its parts where both have a plain one, else f32. Throws
 * a CheckpointError for parts that do not fit each other.
 */
export function joinLatent(checkpoint: Checkpoint): Checkpoint {
  const splits = new Map(splitsOf(checkpoint).map((split) => [split.name, split]))
  if (splits.size === 0) return checkpoint
  const used = new Set([...splits.values()].flatMap(({ keys, values }) => [keys.name, values.name]))
  const tensors = new Map([
    ...[...checkpoint.tensors].filter(([name]) => !used.has(name)),
    ...[...splits.values()].map((split): [string, TensorInfo] => [split.name, infoOf(split)]),
  ])
  const read = async (name: string, offset: number, length: number): Promise<Uint8Array> => {
    const split = splits.get(name)
    if (split === undefined) {
      if (tensors.has(name)) return checkpoint.read(name, offset, length)
      throw new CheckpointError(checkpoint.name, `has no tensor ${quoted(name)}`)
    }
    const { bytes } = tensors.get(name)!
    if (offset < 0 || length < 0 || offset + length > bytes)
      throw new CheckpointError(checkpoint.name, `tensor ${quoted(name)} has ${bytes} bytes, not ${length} at ${offset}`)
    return readJoined(checkpoint, split, offset, length)
  }
  return { ...checkpoint, tensors, read }
}
