/** NumPy's `.npy` files, little-endian and row-major: reads versions 1 to 3, writes version 1. */
import { dtypeRecord, type DTypeName, type NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { DataError } from '../errors.ts'

export interface FileArray {
  readonly shape: readonly number[]
  readonly data: NumberArray
}

const MAGIC = '\x93NUMPY'

const TYPES: Readonly<Record<string, DTypeName>> = {
  '|b1': 'BOOL',
  '|u1': 'U8',
  '|i1': 'I8',
  '<u2': 'U16',
  '<i2': 'I16',
  '<u4': 'U32',
  '<i4': 'I32',
  '<i8': 'I64',
  '<f2': 'F16',
  '<f4': 'F32',
  '<f8': 'F64',
}

interface Head {
  readonly type: DTypeName
  readonly shape: readonly number[]
}

function parseHead(text: string, name: string): Head {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape':\s*\(((?:\d+\s*,\s*)*(?:\d+\s*)?)\)/.exec(text)?.[1]
  if (descr === undefined || order === undefined || shape === undefined)
    throw new DataError(name, null, `has a header that cannot be parsed: ${text.trim()}`)
  if (!Object.hasOwn(TYPES, descr))
    throw new DataError(name, null, `has elements of type '${descr}'; supported are ${Object.keys(TYPES).join(' ')}`)
  const sizes = shape
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number)
  if (order === 'True' && sizes.length > 1) throw new DataError(name, null, 'is column-major (fortran_order); save it row-major')
  return { type: TYPES[descr], shape: sizes }
}

/** Parses an .npy file. Throws a DataError for other bytes, and for a length that differs from the shape. */
export function parseNpy(bytes: Uint8Array, name: string): FileArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC)
    throw new DataError(name, null, 'is not an .npy file')
  const version = bytes[6]
  if (version < 1 || version > 3)
    throw new DataError(name, null, `is an .npy file of version ${version}; versions 1 to 3 are supported`)
  const [start, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, bytes.length < 12 ? 0 : view.getUint32(8, true)]
  if (start + length > bytes.length) throw new DataError(name, null, `ends inside its header of ${length} bytes`)
  const { type, shape } = parseHead(new TextDecoder('latin1').decode(bytes.subarray(start, start + length)), name)
  const { bits, read } = dtypeRecord(type)
  const wanted = (elementCount(shape) * bits) / 8
  const have = bytes.length - start - length
  if (have !== wanted)
    throw new DataError(name, null, `has ${have} bytes of data, [${shape.join(', ')}] of ${bits} bits needs ${wanted}`)
  // copied: the bytes may be a view of a larger buffer
  return { shape, data: read!(new Uint8Array(bytes.subarray(start + length)).buffer) }
}

/** What a header of version 1 is padded to. */
const ALIGNMENT = 64

/** An .npy file of version 1 with 16-bit integers. Throws a RangeError for data that does not fill the shape. */
export function encodeNpy(shape: readonly number[], data: Int16Array): Uint8Array {
  if (elementCount(shape) !== data.length) throw new RangeError(`${data.length} values do not fill [${shape.join(', ')}]`)
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const head = `{'descr': '<i2', 'fortran_order': False, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + head.length + 1) / ALIGNMENT) * ALIGNMENT - 10
  const bytes = new Uint8Array(10 + length + 2 * data.length)
  const view = new DataView(bytes.buffer)
  const text = `${MAGIC}\x01\x00\x00\x00${head.padEnd(length - 1)}\n`
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  view.setUint16(8, length, true)
  data.forEach((value, at) => view.setInt16(10 + length + 2 * at, value, true))
  return bytes
}
