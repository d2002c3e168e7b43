/** Writes GGUF files for tests, well-formed or not. */

export type ValueText =
  | { readonly type: 'u32'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }

export interface GgufTensorText {
  readonly name: string
  /** Innermost axis first. */
  readonly sizes: readonly (number | bigint)[]
  readonly type: number
  readonly offset: number | bigint
}

export interface GgufText {
  readonly version?: number
  readonly values?: Readonly<Record<string, ValueText>>
  readonly tensors?: readonly GgufTensorText[]
  /** In place of the true counts. */
  readonly counts?: { readonly tensors?: bigint; readonly values?: bigint }
  /** Bytes after the header, which is padded to 32. */
  readonly data?: number
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
export const stringBytes = (text: string): Buffer => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)])

function valueBytes(value: ValueText): Buffer {
  switch (value.type) {
    case 'u32':
      return Buffer.concat([u32(4), u32(value.value)])
    case 'string':
      return Buffer.concat([u32(8), stringBytes(value.value)])
    case 'strings':
      return Buffer.concat([u32(9), u32(8), u64(value.value.length), ...value.value.map(stringBytes)])
    default:
      return value satisfies never
  }
}

const tensorBytes = ({ name, sizes, type, offset }: GgufTensorText): Buffer =>
  Buffer.concat([stringBytes(name), u32(sizes.length), ...sizes.map(u64), u32(type), u64(offset)])

export function ggufBytes({ version = 3, values = {}, tensors = [], counts = {}, data = 0 }: GgufText): Buffer {
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(counts.tensors ?? tensors.length),
    u64(counts.values ?? Object.keys(values).length),
    ...Object.entries(values).flatMap(([key, value]) => [stringBytes(key), valueBytes(value)]),
    ...tensors.map(tensorBytes),
  ])
  return Buffer.concat([header, Buffer.alloc(-header.length & 31), Buffer.alloc(data)])
}
