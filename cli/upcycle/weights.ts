/** The weights of the sparse model under their paths, computed from those of the dense one as they are read. */
import type { WeightPort } from '../../plan/plan.ts'
import { isFormat } from '../../plan/storage/formats.ts'
import { weightsByPath } from '../../plan/weight-path.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { DTYPES } from '../../runtime/checkpoint/dtypes.ts'
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { WeightError } from '../../runtime/errors.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { encodeElements, staysFinite } from '../../runtime/weights/convert.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import { EXIT, Failure } from '../exit.ts'
import { CONVERTED_TO, gather, readBy, sourcesOf, type Sources, type TargetType } from '../export/gather.ts'
import type { Given } from '../export/given.ts'
import { laidOut, type LaidTensor } from '../export/layout.ts'
import { lastMade } from '../quantize/last-made.ts'
import { createRandom, normal } from '../random.ts'
import { isOfRouter, routerStart, type RouterStart } from './router.ts'
import type { SparseSpec } from './rewrite.ts'

export interface Expansion {
  readonly spec: SparseSpec
  readonly start: RouterStart
  /** A factor on the last matrix of each expert. */
  readonly scale: number
  /** Standard deviation of what is added to each number of an expert, as a share of that of its matrix; 0 for none. */
  readonly noise: number
}

/** Weights of the dense model by path, each as one tensor. */
interface Dense {
  readonly tensors: ReadonlyMap<string, { readonly laid: LaidTensor; readonly dtype: TargetType }>
  readonly sources: Sources
}

/** The dtype in which the numbers of a tensor stay what they are. Throws a Failure for codes. */
function dtypeOf(made: readonly TensorInfo[], { name }: Checkpoint): TargetType {
  const coded = made.find(({ dtype }) => isFormat(dtype))
  if (coded !== undefined)
    throw new Failure(
      EXIT.badCheckpoint,
      `${quoted(coded.name)} of ${name} is quantised (${coded.dtype})`,
      'write the model as numbers first: smoe export --to hf --weights-as bf16',
    )
  const types = [...new Set(made.map(({ dtype }) => dtype))]
  return types.length === 1 && types[0] in CONVERTED_TO ? (types[0] as TargetType) : 'F32'
}

/** Throws a WeightError for weights that the checkpoint does not have. */
function denseWeights({ model, interleaved }: Given, checkpoint: Checkpoint): Dense {
  const { matches, problems } = matchWeights({ weights: model.ports }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const sources = sourcesOf(checkpoint, matches, { interleaved, kept: new Map() })
  const laid = laidOut(weightsByPath({ weights: model.ports }).weights)
  return {
    sources,
    tensors: new Map(laid.map((one) => [one.name, { laid: one, dtype: dtypeOf(readBy(one, sources), checkpoint) }])),
  }
}

/** The weight of the dense model that one of the sparse model is, or is made of. */
function sourceName(name: string, { spec: { label, renamed } }: Expansion): string {
  const [moe, ...changed] = [['moe.experts', label], ...Object.entries(renamed)]
  return [moe, ...changed].reduce((made, [from, to]) => made.replace(`.${from}.`, `.${to}.`), name)
}

const EXPERT = /\.moe\.experts\.([^.]+)$/

/** Part `part` of a matrix of a network: rows of those that widen, columns of the one that narrows. */
function partOf(
  matrix: Float32Array,
  [rows, columns]: readonly number[],
  isLast: boolean,
  part: number,
  parts: number,
): Float32Array {
  if (!isLast) return matrix.slice((part * matrix.length) / parts, ((part + 1) * matrix.length) / parts)
  const width = columns / parts
  const out = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++)
    out.set(matrix.subarray(row * columns + part * width, row * columns + (part + 1) * width), row * width)
  return out
}

function addNoise(values: Float32Array, noise: number, seed: number): void {
  const deviation = noise * Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  const random = createRandom(seed)
  for (let at = 0; at < values.length; at++) values[at] += normal(random, deviation)
}

/** Throws a Failure for a number that the dtype does not hold. */
function encoded(values: Float32Array, dtype: TargetType, name: string): Uint8Array {
  const format = CONVERTED_TO[dtype]
  if (format === null) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const lost = values.find((value) => Number.isFinite(value) && !staysFinite(value, format))
  if (lost !== undefined)
    throw new Failure(EXIT.badCheckpoint, `'${name}' would have the number ${lost}, which ${dtype} does not hold`)
  return encodeElements(format, values)
}

/** The matrix that multiplies last: its columns are the hidden width. */
const LAST = 'down'

/**
 * The tensors of the sparse model. Of experts, those are computed that are read: in memory are a matrix of the dense model and
 * one of an expert. Throws a WeightError for weights that the checkpoint does not have, and a Failure for codes.
 */
export function sparseCheckpoint(
  given: Given,
  checkpoint: Checkpoint,
  ports: readonly WeightPort[],
  expansion: Expansion,
): Checkpoint {
  const dense = denseWeights(given, checkpoint)
  const { start, scale, noise } = expansion
  const { experts, granularity, seed } = start
  const numbers = lastMade(
    async (name: string) => new Float32Array((await gather(dense.tensors.get(name)!.laid, 'F32', dense.sources)).buffer),
  )
  const typeOf = (name: string): TargetType => dense.tensors.get(sourceName(name, expansion))?.dtype ?? 'F32'
  const infos = ports.map((port): TensorInfo => {
    const shape = port.shape.map(Number)
    const dtype = typeOf(port.name)
    return { name: port.name, dtype, shape, bytes: (elementCount(shape) * DTYPES[dtype].bits) / 8 }
  })
  const tensors = new Map(infos.map((info) => [info.name, info]))
  const expertBytes = lastMade(async (key: string) => {
    const [name, index] = key.split(' ')
    const source = sourceName(name, expansion)
    const isLast = EXPERT.exec(name)![1] === LAST
    const own = partOf(
      await numbers(source),
      dense.tensors.get(source)!.laid.shape,
      isLast,
      Number(index) % granularity,
      granularity,
    )
    if (isLast && scale !== 1) for (let at = 0; at < own.length; at++) own[at] *= scale
    if (noise > 0) addNoise(own, noise, seed + Number(index))
    return encoded(own, typeOf(name), name)
  })
  const whole = lastMade(async (name: string) => {
    const values = isOfRouter(name)
      ? routerStart(name, tensors.get(name)!.shape, start)
      : await numbers(sourceName(name, expansion))
    return encoded(values, typeOf(name), name)
  })
  async function readExperts({ name, bytes }: TensorInfo, offset: number, length: number): Promise<Uint8Array> {
    const size = bytes / experts
    const made = new Uint8Array(length)
    for (let at = offset; at < offset + length;) {
      const expert = Math.floor(at / size)
      const end = Math.min(offset + length, (expert + 1) * size)
      made.set((await expertBytes(`${name} ${expert}`)).subarray(at - expert * size, end - expert * size), at - offset)
      at = end
    }
    return made
  }
  return {
    name: checkpoint.name,
    tensors,
    metadata: {},
    isByPath: true,
    read: async (name, offset, length) =>
      EXPERT.test(name) ? readExperts(tensors.get(name)!, offset, length) : (await whole(name)).subarray(offset, offset + length),
    close: async () => {},
  }
}
