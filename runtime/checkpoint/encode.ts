import type { HostType } from '../../plan/plan.ts'
import { dtypeOf, elementCount, showShape, type HostArray } from '../tensors.ts'
import type { TensorInfo } from './checkpoint.ts'
import type { DTypeName } from './dtypes.ts'

/** What a file holds of the host's numbers: those of a device, and f64. */
export interface FileData {
  readonly shape: readonly number[]
  readonly data: HostArray | Float64Array
}

const NAMES: { readonly [T in HostType]: DTypeName } = { f32: 'F32', i32: 'I32', u32: 'U32' }

export const fileType = ({ data }: FileData): DTypeName => (data instanceof Float64Array ? 'F64' : NAMES[dtypeOf(data)!])

export const tensorBytes = ({ data }: FileData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

export interface Encoded {
  /** The length, the JSON and spaces up to a multiple of 8 bytes. */
  readonly header: Uint8Array
  /** The tensors in the order in which their bytes follow. */
  readonly order: readonly string[]
}

/** The beginning of a safetensors file of these tensors, in the order in which their bytes follow. */
export function headerBytes(tensors: readonly TensorInfo[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [['__metadata__', metadata]]
  let end = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    entries.push([name, { dtype, shape, data_offsets: [end, end + bytes] }])
    end += bytes
  }
  // an object would put names that are numbers first
  const json = new TextEncoder().encode(
    `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`,
  )
  const length = Math.ceil(json.length / 8) * 8
  const header = new Uint8Array(8 + length).fill(0x20, 8 + json.length)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(json, 8)
  return header
}

function infoOf(name: string, tensor: FileData): TensorInfo {
  const { shape, data } = tensor
  if (elementCount(shape) !== data.length)
    throw new RangeError(`${name}: ${showShape(shape)} does not have ${data.length} elements`)
  return { name, dtype: fileType(tensor), shape, bytes: data.byteLength }
}

/** The beginning of a safetensors file. Throws a RangeError where a shape is not that of its data. */
export function encodeHeader(
  tensors: Readonly<Record<string, FileData>>,
  metadata: Readonly<Record<string, string>> = {},
): Encoded {
  const order = Object.keys(tensors).sort()
  return {
    header: headerBytes(
      order.map((name) => infoOf(name, tensors[name])),
      metadata,
    ),
    order,
  }
}

/** A whole safetensors file in memory. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, FileData>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { header, order } = encodeHeader(tensors, metadata)
  const pieces = [header, ...order.map((name) => tensorBytes(tensors[name]))]
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
