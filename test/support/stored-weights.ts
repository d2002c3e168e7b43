/** Weights in a format, of random codes, and checkpoints that hold them. */
import { createRandom } from '../../cli/random.ts'
import { FORMAT_NAMES, formatOf, storageIn, storedBytes, type FormatName } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import type { ElementType } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount } from '../../runtime/tensors.ts'

/** Formats that share their decode with another but for lengths, zero points or the order of codes: the long run has them. */
export const ALIKE: readonly FormatName[] = [
  'int4_128',
  'int8_32',
  'uint4_32',
  'uint8_32',
  'uint8_128',
  'mxfp4_gguf',
  'q5_1',
  'iq4_nl',
]

export const DISTINCT: readonly FormatName[] = FORMAT_NAMES.filter((format) => !ALIKE.includes(format))

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

/** Random codes; `scales` sets the numbers of a block that are no codes. */
const blocks =
  (format: FormatName, scales: SetScales): MakeCodes =>
  (bytes, random) => {
    for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256)
    const size = formatOf(format).bytes
    for (let at = 0; at < bytes.length; at += size) scales(new DataView(bytes.buffer, bytes.byteOffset + at, size), random)
  }

type SetScales = (block: DataView, random: () => number) => void

/** Numbers of f16 of 2^-8 .. 2^-5 at these offsets. */
const setF16 =
  (...offsets: readonly number[]): SetScales =>
  (block, random) =>
    offsets.forEach((at) => block.setUint16(at, 0x1c00 + Math.floor(random() * 0xc00), true))

const setExponent: SetScales = (block, random) => block.setUint8(0, 118 + Math.floor(random() * 8))

/** Integers in groups: a scale, and a zero point of so many bits where there is one. */
const groups = (format: FormatName, zeroBits: number | null): MakeCodes =>
  blocks(format, (block, random) => {
    block.setFloat32(0, random() / 256, true)
    if (zeroBits !== null) block.setUint16(4, 256 - Math.floor(random() * 2 ** zeroBits), true)
  })

const MAKE: { readonly [F in FormatName]: MakeCodes } = {
  bf16: floats(0x3f80, 0x80),
  f16: floats(0x3c00, 0x400),
  fp8_128: blocks('fp8_128', (block, random) => {
    block.setFloat32(0, random() / 256, true)
    // 0x7f and 0xff are not numbers
    for (let at = 4; at < block.byteLength; at++) if ((block.getUint8(at) & 0x7f) === 0x7f) block.setUint8(at, 0)
  }),
  mxfp4: blocks('mxfp4', setExponent),
  mxfp4_gguf: blocks('mxfp4_gguf', setExponent),
  q8_0: blocks('q8_0', setF16(0)),
  q4_0: blocks('q4_0', setF16(0)),
  q4_k: blocks('q4_k', setF16(0, 2)),
  q4_1: blocks('q4_1', setF16(0, 2)),
  q5_0: blocks('q5_0', setF16(0)),
  q5_1: blocks('q5_1', setF16(0, 2)),
  q2_k: blocks('q2_k', setF16(80, 82)),
  q3_k: blocks('q3_k', setF16(108)),
  q5_k: blocks('q5_k', setF16(0, 2)),
  iq4_nl: blocks('iq4_nl', setF16(0)),
  iq4_xs: blocks('iq4_xs', setF16(0)),
  q6_k: blocks('q6_k', setF16(208)),
  int4_32: groups('int4_32', null),
  int4_128: groups('int4_128', null),
  int8_32: groups('int8_32', null),
  int8_128: groups('int8_128', null),
  uint4_32: groups('uint4_32', 4),
  uint4_128: groups('uint4_128', 4),
  uint8_32: groups('uint8_32', 8),
  uint8_128: groups('uint8_128', 8),
}

/** A tensor of random codes, about as large as weights are. */
export function randomStored(format: FormatName, shape: readonly number[], seed: number): StoredTensor {
  const count = elementCount(shape)
  const storage = storageIn(format, shape.at(-1) ?? 1)
  const bytes = new Uint8Array(storedBytes(storage, count))
  MAKE[format](bytes, createRandom(seed))
  return { format, shape, bytes, values: decodeElements(storage, bytes, count) }
}

const FILE_TYPES: { readonly [F in FormatName]?: ElementType } = { bf16: 'BF16', f16: 'F16' }

/** A checkpoint of tensors as they lie. */
export function storedCheckpoint(tensors: Readonly<Record<string, StoredTensor>>): Checkpoint {
  const info = ([name, { format, shape, bytes }]: [string, StoredTensor]): [string, TensorInfo] => [
    name,
    { name, dtype: FILE_TYPES[format] ?? format, shape, bytes: bytes.length },
  ]
  return {
    name: 'stored',
    tensors: new Map(Object.entries(tensors).map(info)),
    metadata: {},
    read: async (name, offset, length) => tensors[name].bytes.slice(offset, offset + length),
    close: async () => {},
  }
}
