/** Arrays as NumPy saves them: one an `.npy` file, versions 1 to 3, little-endian, row-major. */
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
    throw new DataError(name, null, `has a header that is not read: ${text.trim()}`)
  if (!Object.hasOwn(TYPES, descr))
    throw new DataError(name, null, `holds elements of type '${descr}'; read are ${Object.keys(TYPES).join(' ')}`)
  const sizes = shape
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number)
  if (order === 'True' && sizes.length > 1) throw new DataError(name, null, 'is column-major (fortran_order); save it row-major')
  return { type: TYPES[descr], shape: sizes }
}

/** Throws a DataError for bytes that are no such file, or fewer or more than its shape says. */
export function parseNpy(bytes: Uint8Array, name: string): FileArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC)
    throw new DataError(name, null, 'is no .npy file')
  const version = bytes[6]
  if (version < 1 || version > 3) throw new DataError(name, null, `is an .npy file of version ${version}; 1 to 3 are read`)
  const [start, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, bytes.length < 12 ? 0 : view.getUint32(8, true)]
  if (start + length > bytes.length) throw new DataError(name, null, `ends in its header, which takes ${length} bytes`)
  const { type, shape } = parseHead(new TextDecoder('latin1').decode(bytes.subarray(start, start + length)), name)
  const { bits, read } = dtypeRecord(type)
  const wanted = (elementCount(shape) * bits) / 8
  const have = bytes.length - start - length
  if (have !== wanted)
    throw new DataError(name, null, `holds ${have} bytes of data, [${shape.join(', ')}] of ${bits} bits takes ${wanted}`)
  // a copy of its own: what is given may be a piece of a larger memory
  return { shape, data: read!(new Uint8Array(bytes.subarray(start + length)).buffer) }
}
