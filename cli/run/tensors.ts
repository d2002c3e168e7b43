/** Tensors of files as host arrays. */
import { closest } from '../../grammar/suggest.ts'
import type { Port, StorageType } from '../../plan/plan.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { listed, quoted } from '../../runtime/checkpoint/quote.ts'
import type { NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { arrayOf, type HostData } from '../../runtime/tensors.ts'
import { convertible, elementsOf, inRange } from '../../runtime/weights/convert.ts'
import type { FileArray } from '../../training/data/npy.ts'
import { EXIT, Failure } from '../exit.ts'

/** Converts elements of a file to a type. Throws a Failure for integers out of range. */
function elementsAs(what: string, elements: NumberArray, shape: readonly number[], wanted: StorageType): HostData {
  const data = arrayOf(wanted, new ArrayBuffer(4 * elements.length))
  for (let at = 0; at < data.length; at++) {
    const value = Number(elements[at])
    if (!inRange(value, wanted))
      throw new Failure(EXIT.usage, `${what}: element ${at} is ${elements[at]}, which does not fit ${wanted}`)
    data[at] = value
  }
  return { shape, data }
}

/** A tensor of a file, converted to a type. Throws a Failure for a type that does not convert and for integers out of range. */
export async function readTensor(
  checkpoint: Checkpoint,
  { name, dtype, shape, bytes }: TensorInfo,
  wanted: StorageType,
): Promise<HostData> {
  const what = `${checkpoint.name}: tensor ${quoted(name)}`
  if (!convertible(dtype, { dtype: wanted })) throw new Failure(EXIT.usage, `${what} is ${dtype}, ${wanted} is needed`)
  return elementsAs(what, elementsOf(dtype, await checkpoint.read(name, 0, bytes)), shape, wanted)
}

/** An array of a file, converted to a type. Throws a Failure as `readTensor` does. */
export function readArray({ shape, data }: FileArray, name: string, wanted: StorageType): HostData {
  const isReal = data instanceof Float32Array || data instanceof Float64Array
  if (isReal !== (wanted === 'f32'))
    throw new Failure(EXIT.usage, `${name} holds ${isReal ? 'reals' : 'whole numbers'}, ${wanted} is needed`)
  return elementsAs(name, data, shape, wanted)
}

/** The tensor that an input is read from: as named, else the input's namesake, else the only one there is. */
export function findTensor(checkpoint: Checkpoint, port: Pick<Port, 'name'>, named: string | null): TensorInfo {
  const { tensors, name } = checkpoint
  const found = tensors.get(named ?? port.name) ?? (named === null && tensors.size === 1 ? [...tensors.values()][0] : undefined)
  if (found !== undefined) return found
  const meant = closest(named ?? port.name, tensors.keys())
  const has = `it has ${listed([...tensors.keys()]) || 'no tensor'}`
  throw new Failure(
    EXIT.usage,
    `${name} has no tensor ${quoted(named ?? port.name)}`,
    meant === null ? has : `did you mean ${quoted(meant)}?`,
  )
}
