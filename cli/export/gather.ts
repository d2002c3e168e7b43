/** A tensor of one checkpoint put together from those of another, number by number. */
import { isFormat } from '../../plan/storage/formats.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { dtypeRecord, DTYPES, type DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { encodeElements, readElements, staysFinite } from '../../runtime/weights/convert.ts'
import type { Match } from '../../runtime/weights/match.ts'
import type { View } from '../../runtime/weights/view.ts'
import { EXIT, Failure } from '../exit.ts'
import type { LaidTensor, Part } from './layout.ts'
import { inPairs, isRotated } from './rotation.ts'
import { copyStretch, entryOf, paired, spanOf, stretches, type Pair, type Words } from './strides.ts'

/** Elements that are read at a time, where a view can be cut for that. */
const STRETCH = 2 * 2 ** 20

/** Where the numbers of weights are read from. */
export interface Sources {
  readonly checkpoint: Checkpoint
  /** Weight -> its pieces in the checkpoint, in their order. */
  readonly pieces: ReadonlyMap<string, readonly Match[]>
  readonly arrangement: Arrangement
}

/** How weights differ between the two checkpoints, beside their layout. */
export interface Arrangement {
  /** Channels of a head whose rows are interleaved in the checkpoint that is read, and not in the other; null where not. */
  readonly interleaved: number | null
  /** Weight -> which entries of its leading axis are left; absent where all are. */
  readonly kept: ReadonlyMap<string, readonly number[]>
}

export const AS_IT_IS: Arrangement = { interleaved: null, kept: new Map() }

export function sourcesOf(checkpoint: Checkpoint, matches: readonly Match[], arrangement: Arrangement): Sources {
  const pieces = new Map<string, Match[]>()
  for (const match of matches) {
    const known = pieces.get(match.port.name)
    if (known === undefined) pieces.set(match.port.name, [match])
    else known.push(match)
  }
  return { checkpoint, pieces, arrangement }
}

/** The entry of an expert in the tensor that has it; `found` are the pieces of a weight with an entry for each. */
export function expertView(found: readonly Match[], expert: number): { readonly match: Match; readonly view: View } {
  const [first] = found
  return first.port.stacked
    ? { match: found[expert], view: found[expert].view }
    : { match: first, view: entryOf(first.view, expert) }
}

interface Source {
  readonly tensor: TensorInfo
  readonly pair: Pair
}

/** Where the numbers of a part come from. Either checkpoint may have an expert a piece, or all of them in one. */
function sourcesOfPart({ port, at, view }: Part, { pieces, arrangement: { interleaved, kept } }: Sources): readonly Source[] {
  const entries = kept.get(port.name)
  const found = pieces.get(port.name)!
  const [isApart, wasApart] = [port.stacked, found[0].port.stacked]
  const from = ({ tensor, view: seen }: Match, e: number | null, to: View): Source => {
    const source = e === null ? seen : entryOf(seen, e)
    const pair =
      interleaved !== null && isRotated(port.name)
        ? paired(inPairs(source, interleaved, 'interleaved'), inPairs(to, interleaved, 'half-split'))
        : paired(source, to)
    return { tensor, pair }
  }
  /** Entry `e` of the weight that is read. */
  const entry = (e: number, to: View): Source => (wasApart ? from(found[e], null, to) : from(found[0], e, to))
  if (isApart) return [entry(entries?.[at] ?? at, view)]
  if (entries !== undefined) return entries.map((e, place) => entry(e, entryOf(view, place)))
  return wasApart ? found.map((_, e) => entry(e, entryOf(view, e))) : [from(found[0], null, view)]
}

/** The tensors that a tensor is put together from. */
export const readBy = ({ parts }: LaidTensor, sources: Sources): readonly TensorInfo[] => [
  ...new Set(parts.flatMap((part) => sourcesOfPart(part, sources).map(({ tensor }) => tensor))),
]

type Array = new (buffer: ArrayBuffer) => Words
const WORDS: ReadonlyMap<number, Array> = new Map<number, Array>([
  [8, Uint8Array],
  [16, Uint16Array],
  [32, Uint32Array],
  [64, BigUint64Array],
])

/** Bits as an array of elements of a dtype. */
function wordsOf(dtype: DTypeName, bytes: Uint8Array): Words {
  const make = WORDS.get(DTYPES[dtype].bits)!
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
  return new make((isWhole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer)
}

/** The dtypes that numbers are converted to, and the format of each. */
export const CONVERTED_TO = { F32: null, BF16: 'bf16', F16: 'f16' } as const
export type TargetType = keyof typeof CONVERTED_TO

/** Every dtype that numbers are converted to holds what is below it. */
const SAFE = 65504

/** Throws a Failure for a finite number that the dtype does not hold. */
function converted(tensor: TensorInfo, elements: ArrayLike<number | bigint>, dtype: TargetType): Uint8Array {
  const numbers = elements instanceof Float32Array ? elements : Float32Array.from(elements as ArrayLike<number>)
  const format = CONVERTED_TO[dtype]
  const isLost = (at: number): boolean =>
    Number.isFinite(Number(elements[at])) &&
    !(format === null ? Number.isFinite(numbers[at]) : staysFinite(Number(elements[at]), format))
  let lost = -1
  for (let at = 0; at < numbers.length && lost < 0; at++) if (!(Math.abs(numbers[at]) < SAFE) && isLost(at)) lost = at
  if (lost >= 0)
    throw new Failure(
      EXIT.badCheckpoint,
      `'${tensor.name}' has the number ${String(elements[lost])}, which ${dtype} does not hold`,
    )
  if (format === null) return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  return encodeElements(format, numbers)
}

/** Elements of a tensor as bits of the dtype; the bits of the file where it is the same. */
async function readWords(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  first: number,
  end: number,
  dtype: DTypeName,
): Promise<Words> {
  if (tensor.dtype === dtype) {
    const size = DTYPES[dtype].bits / 8
    return wordsOf(dtype, await checkpoint.read(tensor.name, first * size, (end - first) * size))
  }
  const elements = await readElements(checkpoint, tensor, first, end)
  return wordsOf(dtype, converted(tensor, elements as ArrayLike<number>, dtype as TargetType))
}

/** Whether elements of a dtype of a file are, or convert to, those of another. */
export const isGathered = (from: TensorInfo['dtype'], to: DTypeName): boolean =>
  from === to ? !isFormat(from) && WORDS.has(DTYPES[to].bits) : dtypeRecord(from).kind === 'float' && to in CONVERTED_TO

/** The bytes of a tensor. In memory are the tensor and a stretch of one that is read. */
export async function gather(tensor: LaidTensor, dtype: DTypeName, sources: Sources): Promise<Uint8Array> {
  const bytes = new Uint8Array((elementCount(tensor.shape) * DTYPES[dtype].bits) / 8)
  const target = wordsOf(dtype, bytes)
  for (const source of tensor.parts.flatMap((part) => sourcesOfPart(part, sources)))
    for (const stretch of stretches(source.pair, STRETCH)) {
      const words = await readWords(sources.checkpoint, source.tensor, stretch.from, stretch.from + spanOf(stretch), dtype)
      copyStretch(words, stretch.from, stretch, target)
    }
  return bytes
}

/** Pieces of a tensor as it is, in another dtype. */
export async function* convertedPieces(tensor: TensorInfo, dtype: DTypeName, checkpoint: Checkpoint): AsyncGenerator<Uint8Array> {
  const count = elementCount(tensor.shape)
  const row = Math.max(1, tensor.shape.at(-1) ?? 1)
  const step = Math.max(1, Math.floor(STRETCH / row)) * row
  for (let at = 0; at < count; at += step) {
    const words = await readWords(checkpoint, tensor, at, Math.min(count, at + step), dtype)
    yield new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  }
}
