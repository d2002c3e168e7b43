/** Arrays of a file as examples. */
import type { NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount, type HostArray } from '../../runtime/tensors.ts'
import { DataError } from '../errors.ts'
import type { Data, Field, RowsData } from './data.ts'
import type { FileArray } from './npy.ts'
import { indexOf } from './place.ts'

const isReal = (data: NumberArray): boolean => data instanceof Float32Array || data instanceof Float64Array

/** Whole numbers as i32. */
function whole({ shape, data }: FileArray, name: string, array: string): Int32Array {
  return Int32Array.from(data as ArrayLike<number | bigint>, (value, at) => {
    const number = Number(value)
    if (number === (number | 0)) return number
    throw new DataError(name, null, `${array}${indexOf(at, shape)} is ${value}, which does not fit 32 bits`)
  })
}

function real({ shape, data }: FileArray, name: string, array: string): Float32Array {
  const values = Float32Array.from(data as ArrayLike<number>)
  const stray = values.findIndex((value) => !Number.isFinite(value))
  if (stray >= 0)
    throw new DataError(name, null, `${array}${indexOf(stray, shape)} is ${data[stray]}, which is not finite in 32 bits`)
  return values
}

const counted = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row)

/** Rows of tokens, each with the one that follows its last: [N, S + 1]. */
function sequences(tokens: Int32Array, [count, width]: readonly number[], name: string): RowsData {
  const shape = [width - 1]
  const cut = (from: number): Int32Array =>
    Int32Array.from(
      { length: count * (width - 1) },
      (_, at) => tokens[Math.floor(at / (width - 1)) * width + (at % (width - 1)) + from],
    )
  return {
    kind: 'rows',
    name,
    count,
    places: counted(count),
    unit: 'row',
    fields: [
      { name: 'tokens', dtype: 'i32', shape, column: 0 },
      { name: 'targets', dtype: 'i32', shape, column: 1 },
    ],
    columns: { tokens: cut(0), targets: cut(1) },
  }
}

/** Whole numbers: [N] one after the other, [N, S + 1] in rows. Throws a DataError. */
export function tokenData(array: FileArray, name: string, label = ''): Data {
  const { shape, data } = array
  if (isReal(data)) throw new DataError(name, null, 'holds reals; tokens are whole numbers')
  const tokens = whole(array, name, label)
  if (shape.length === 1) return { kind: 'stream', name, tokens, vocabulary: null }
  if (shape.length === 2 && shape[1] >= 2 && shape[0] > 0) return sequences(tokens, shape, name)
  throw new DataError(name, null, `is [${shape.join(', ')}]; tokens are [N], or [N, S + 1] with the one that follows each row`)
}

/** Named arrays of one leading size, each a field; one array of whole numbers alone is tokens. Throws a DataError. */
export function arrayData(arrays: Readonly<Record<string, FileArray>>, name: string): Data {
  const entries = Object.entries(arrays)
  if (entries.length === 0) throw new DataError(name, null, 'holds no arrays')
  if (entries.length === 1 && !isReal(entries[0][1].data)) return tokenData(entries[0][1], name, entries[0][0])
  const [
    [
      first,
      {
        shape: [count],
      },
    ],
  ] = entries
  const fields = entries.map(([field, { shape, data }]): Field => {
    if (shape.length === 0)
      throw new DataError(name, null, `${field} is a single number; its leading axis is that of the examples`)
    if (shape[0] !== count) throw new DataError(name, null, `${field} has ${shape[0]} rows, ${first} has ${count}`)
    return { name: field, dtype: isReal(data) ? 'f32' : 'i32', shape: shape.slice(1) }
  })
  if (count === 0 || fields.some(({ shape }) => elementCount(shape) === 0)) throw new DataError(name, null, 'has no rows')
  const columns = Object.fromEntries(
    entries.map(([field, array]): [string, HostArray] => [
      field,
      isReal(array.data) ? real(array, name, field) : whole(array, name, field),
    ]),
  )
  return { kind: 'rows', name, count, fields, columns, places: counted(count), unit: 'row' }
}
