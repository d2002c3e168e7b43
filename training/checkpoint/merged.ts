/** The checkpoint of a run with low-rank pairs as one without: each weight is read as weight + scale * up @ down. */
import { adapterName, type Adapter, type AdapterSide } from '../../plan/adapters.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { ResumeError } from '../errors.ts'

type Reals = Float32Array | Float64Array

/** Runs save f32, or f64 from the reference. */
const BYTES: Readonly<Record<string, 4 | 8 | undefined>> = { F32: 4, F64: 8 }

const widthOf = ({ name, dtype }: TensorInfo, file: string): 4 | 8 => {
  const width = BYTES[dtype]
  if (width === undefined) throw new ResumeError(file, `has ${name} as ${dtype}, and a run saves F32 or F64`)
  return width
}

function realsOf(bytes: Uint8Array, width: 4 | 8): Reals {
  const { buffer } = bytes.slice()
  return width === 4 ? new Float32Array(buffer) : new Float64Array(buffer)
}

interface Pair {
  readonly down: Reals
  readonly up: Reals
}

/** Adds s up @ down to the elements of the weight from `first` on; sums are f64 and rounded once. */
function add(
  values: Reals,
  first: number,
  [rows, columns]: readonly number[],
  { rank, scale }: Adapter,
  { down, up }: Pair,
): void {
  for (let at = 0; at < values.length; at++) {
    const place = first + at
    const [row, column] = [Math.floor(place / columns), place % columns]
    // rows of all experts are counted through in B; A has `rank` rows for each expert
    const start = Math.floor(row / rows) * rank
    let sum = 0
    for (let r = 0; r < rank; r++) sum += up[row * rank + r] * down[(start + r) * columns + column]
    values[at] += scale * sum
  }
}

/** The same checkpoint where there are no adapters. Throws a ResumeError for a pair that is missing. */
export function merged(checkpoint: Checkpoint, adapters: readonly Adapter[]): Checkpoint {
  if (adapters.length === 0) return checkpoint
  const { name: file, tensors } = checkpoint
  const byWeight = new Map(adapters.map((adapter) => [adapter.weight, adapter]))
  const sides = new Set(adapters.flatMap(({ weight }) => [adapterName(weight, 'down'), adapterName(weight, 'up')]))
  for (const name of [...sides, ...byWeight.keys()])
    if (!tensors.has(name)) throw new ResumeError(file, `lacks ${name}, of a low-rank pair`)
  const pairs = new Map<string, Promise<Pair>>()

  const sideOf = async (weight: string, side: AdapterSide): Promise<Reals> => {
    const info = tensors.get(adapterName(weight, side))!
    return realsOf(await checkpoint.read(info.name, 0, info.bytes), widthOf(info, file))
  }
  const pairOf = (weight: string): Promise<Pair> => {
    const known = pairs.get(weight)
    if (known !== undefined) return known
    const made = Promise.all([sideOf(weight, 'down'), sideOf(weight, 'up')]).then(([down, up]) => ({ down, up }))
    pairs.set(weight, made)
    return made
  }
  const read = async (tensor: string, offset: number, length: number): Promise<Uint8Array> => {
    const adapter = byWeight.get(tensor)
    if (adapter === undefined) return checkpoint.read(tensor, offset, length)
    const info = tensors.get(tensor)!
    const width = widthOf(info, file)
    // whole elements, of which the asked bytes are a part
    const first = Math.floor(offset / width)
    const end = Math.ceil((offset + length) / width)
    const values = realsOf(await checkpoint.read(tensor, first * width, (end - first) * width), width)
    add(values, first, info.shape.slice(-2), adapter, await pairOf(tensor))
    const start = offset - first * width
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).subarray(start, start + length)
  }
  return { ...checkpoint, tensors: new Map([...tensors].filter(([name]) => !sides.has(name))), read }
}
