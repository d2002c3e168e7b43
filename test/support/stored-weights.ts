/** Weights in a format, of random codes, and checkpoints that hold them. */
import { createRandom } from '../../cli/random.ts'
import { storageIn, storedBytes, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { DTYPES, type DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount } from '../../runtime/tensors.ts'

export interface StoredTensor {
  readonly format: FormatName
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
  /** As the host decodes them. */
  readonly values: Float32Array
}

type MakeCodes = (bytes: Uint8Array, random: () => number) => void

/**
 * Codes of 16 bits of numbers in -1 .. 1, some subnormal; `one` is the code of 1, `octave` how many codes lead to twice a number.
 */
const floats =
  (one: number, octave: number): MakeCodes =>
  (bytes, random) => {
    const codes = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    codes.forEach((_, at) => {
      const size = random() < 0.05 ? random() * octave : one - random() * 6 * octave
      codes[at] = Math.floor(size) | (random() < 0.5 ? 0x8000 : 0)
    })
  }

const MAKE: { readonly [F in FormatName]: MakeCodes } = {
  bf16: floats(0x3f80, 0x80),
  f16: floats(0x3c00, 0x400),
}

/** A tensor of random codes, about as large as weights are. */
export function randomStored(format: FormatName, shape: readonly number[], seed: number): StoredTensor {
  const count = elementCount(shape)
  const storage = storageIn(format, shape.at(-1) ?? 1)
  const bytes = new Uint8Array(storedBytes(storage, count))
  MAKE[format](bytes, createRandom(seed))
  return { format, shape, bytes, values: decodeElements(storage, bytes, count) }
}

const dtypeOf = (format: FormatName): DTypeName =>
  (Object.entries(DTYPES) as readonly (readonly [DTypeName, { readonly format?: FormatName }])[]).find(
    ([, record]) => record.format === format,
  )![0]

/** A checkpoint of tensors as they lie. */
export function storedCheckpoint(tensors: Readonly<Record<string, StoredTensor>>): Checkpoint {
  const info = ([name, { format, shape, bytes }]: [string, StoredTensor]): [string, TensorInfo] => [
    name,
    { name, dtype: dtypeOf(format), shape, bytes: bytes.length },
  ]
  return {
    name: 'stored',
    tensors: new Map(Object.entries(tensors).map(info)),
    metadata: {},
    read: async (name, offset, length) => tensors[name].bytes.slice(offset, offset + length),
    close: async () => {},
  }
}
