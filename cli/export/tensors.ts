/** The tensors of an exported checkpoint, each with what its bytes are made of. */
import type { WeightPort } from '../../plan/plan.ts'
import { isFormat } from '../../plan/storage/formats.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { dtypeRecord, DTYPES, type DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { WeightError } from '../../runtime/errors.ts'
import type { Pieces } from '../../runtime/files/index.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import { EXIT, Failure } from '../exit.ts'
import {
  convertedPieces,
  gather,
  isGathered,
  readBy,
  sourcesOf,
  type Arrangement,
  type Sources,
  type TargetType,
} from './gather.ts'
import { laidOut, type LaidTensor } from './layout.ts'

export interface ExportedTensor extends TensorInfo {
  readonly pieces: () => Pieces
}

/** What weights become: what the checkpoint has, or numbers of a dtype. */
export type WeightsAs = 'shipped' | TargetType

export interface Exported {
  readonly tensors: readonly ExportedTensor[]
  /** Whether each tensor of the checkpoint is there as it was. */
  readonly isVerbatim: boolean
  /** Tensors of the checkpoint that no weight reads and that have no place in the other layout. */
  readonly leftOut: readonly string[]
}

const CHUNK = 8 * 2 ** 20

async function* copied(tensor: TensorInfo, checkpoint: Checkpoint): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < tensor.bytes; done += CHUNK)
    yield await checkpoint.read(tensor.name, done, Math.min(CHUNK, tensor.bytes - done))
}

const asItIs = (tensor: TensorInfo, checkpoint: Checkpoint): ExportedTensor => ({
  ...tensor,
  pieces: () => copied(tensor, checkpoint),
})

/** Every tensor as it is. */
export const copiedTensors = (checkpoint: Checkpoint): readonly ExportedTensor[] =>
  [...checkpoint.tensors.values()].map((tensor) => asItIs(tensor, checkpoint))

/** Whether two tables read the same tensors in the same way. */
const readAlike = (a: readonly WeightPort[], b: readonly WeightPort[]): boolean => {
  const others = new Map(b.map(({ name, pieces }) => [name, JSON.stringify(pieces)]))
  return a.length === b.length && a.every(({ name, pieces }) => others.get(name) === JSON.stringify(pieces))
}

/** The one dtype of what a tensor is made of. Throws a Failure where it has none that a file has. */
function shippedType({ name }: LaidTensor, made: readonly TensorInfo[], checkpoint: Checkpoint): DTypeName {
  const coded = made.find(({ dtype }) => isFormat(dtype))
  const help = 'give --weights-as bf16, f16 or f32'
  if (coded !== undefined)
    throw new Failure(
      EXIT.badCheckpoint,
      `${quoted(coded.name)} of ${checkpoint.name} is quantised (${coded.dtype}), and '${name}' of the export has other rows or another place`,
      help,
    )
  const types = [...new Set(made.map(({ dtype }) => dtype))]
  if (types.length > 1) throw new Failure(EXIT.badCheckpoint, `'${name}' would be put together from ${types.join(' and ')}`, help)
  return types[0] as DTypeName
}

async function* whole(make: () => Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await make()
}

/** Throws a Failure for a tensor whose elements are not converted to the dtype. */
function checkConverted(made: readonly TensorInfo[], dtype: DTypeName, { name }: Checkpoint): void {
  const odd = made.find((one) => !isGathered(one.dtype, dtype))
  if (odd === undefined) return
  throw new Failure(EXIT.badCheckpoint, `${quoted(odd.name)} of ${name} is ${odd.dtype}, which is not written as ${dtype}`)
}

function gathered(tensor: LaidTensor, made: readonly TensorInfo[], as: WeightsAs, sources: Sources): ExportedTensor {
  const { checkpoint } = sources
  const dtype = as === 'shipped' ? shippedType(tensor, made, checkpoint) : as
  checkConverted(made, dtype, checkpoint)
  const { name, shape } = tensor
  const bytes = (elementCount(shape) * DTYPES[dtype].bits) / 8
  return { name, dtype, shape, bytes, pieces: () => whole(() => gather(tensor, dtype, sources)) }
}

/** The tensors that one is stored as in their place, made of its numbers, f32 in row-major order. */
export type MakeCoded = (read: () => Promise<Float32Array>) => readonly ExportedTensor[]

/** What is stored in the place of a tensor, by what it is put together from; null for its numbers. */
export type CodedBy = (tensor: LaidTensor, made: readonly TensorInfo[]) => MakeCoded | null

function written(tensor: LaidTensor, { as, codedBy }: ExportRequest, sources: Sources): readonly ExportedTensor[] {
  const made = readBy(tensor, sources)
  const make = codedBy?.(tensor, made) ?? null
  if (make === null) return [gathered(tensor, made, as, sources)]
  checkConverted(made, 'F32', sources.checkpoint)
  return make(async () => new Float32Array((await gather(tensor, 'F32', sources)).buffer))
}

/** A tensor that no weight reads: numbers are converted as those of weights are. */
function carried(tensor: TensorInfo, as: WeightsAs, checkpoint: Checkpoint): ExportedTensor {
  if (as === 'shipped' || tensor.dtype === as || dtypeRecord(tensor.dtype).kind !== 'float') return asItIs(tensor, checkpoint)
  const bytes = (elementCount(tensor.shape) * DTYPES[as].bits) / 8
  return { ...tensor, dtype: as, bytes, pieces: () => convertedPieces(tensor, as, checkpoint) }
}

export interface ExportRequest {
  /** The weights as the checkpoint has them, and as the export has them. */
  readonly from: readonly WeightPort[]
  readonly to: readonly WeightPort[]
  readonly as: WeightsAs
  readonly checkpoint: Checkpoint
  readonly arrangement: Arrangement
  /** Whether a tensor that no weight reads has the name that it would have in the export. */
  readonly carries: (tensor: string) => boolean
  /** Absent where every tensor is stored as numbers. */
  readonly codedBy?: CodedBy
}

/**
 * Where both tables read the same tensors and nothing is converted, all tensors are copied as the files have them, codes and
 * scales included. Throws a WeightError for weights that the checkpoint does not have, and a Failure for what cannot be written.
 */
export function exportedTensors(request: ExportRequest): Exported {
  const { from, to, as, checkpoint, arrangement, carries, codedBy } = request
  const { matches, problems, extra } = matchWeights({ weights: from }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const isAlike = checkpoint.isByPath !== true && arrangement.kept.size === 0 && readAlike(from, to)
  if (as === 'shipped' && isAlike && codedBy === undefined) {
    return { tensors: copiedTensors(checkpoint.apart ?? checkpoint), isVerbatim: true, leftOut: [] }
  }
  const sources = sourcesOf(checkpoint, matches, arrangement)
  const laid = laidOut(to).flatMap((tensor) => written(tensor, request, sources))
  const taken = new Set(laid.map(({ name }) => name))
  const stays = (name: string): boolean => carries(name) && !taken.has(name)
  const rest = extra.filter(stays).map((name) => carried(checkpoint.tensors.get(name)!, as, checkpoint))
  return { tensors: [...laid, ...rest], isVerbatim: false, leftOut: extra.filter((name) => !stays(name)) }
}
