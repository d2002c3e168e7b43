/** Examples from the arrays of a file. */
import type { NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { elementCount, type HostArray } from '../../runtime/tensors.ts'
import { DataError } from '../errors.ts'
import type { Data, Field, RowsData } from './data.ts'
import type { FileArray } from './npy.ts'
import { indexOf } from './place.ts'

const isReal = (data: NumberArray): boolean => data instanceof Float32Array || data instanceof Float64Array

/** Integers as i32. */
function whole({ shape, data }: FileArray, name: string, array: string): Int32Array {
  return Int32Array.from(data as ArrayLike<number | bigint>, (value, at) => {
    const number = Number(value)
    if (number === (number | 0)) return number
    throw new DataError(name, null, `${array}${indexOf(at, shape)} is ${value}, which does not fit 32 bits`)
  })
}

function real({ shape, data }: FileArray, name: string, array: string): Float32Array {
  const values = Float32Array.from(data as ArrayLike<number>)
  const invalid = values.findIndex((value) => !Number.isFinite(value))
  if (invalid >= 0)
    throw new DataError(name, null, `${array}${indexOf(invalid, shape)} is ${data[invalid]}, which is not finite in 32 bits`)
  return values
}

const rowNumbers = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row)

/** Rows of S + 1 tokens, [N, S + 1], as inputs of S tokens and targets shifted by one. */
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
    places: rowNumbers(count),
    unit: 'row',
    fields: [
      { name: 'tokens', dtype: 'i32', shape, column: 0 },
      { name: 'targets', dtype: 'i32', shape, column: 1 },
    ],
    columns: { tokens: cut(0), targets: cut(1) },
  }
}

/** Integer tokens: a stream [N], or rows [N, S + 1]. Throws a DataError. */
export function tokenData(array: FileArray, name: string, label = ''): Data {
  const { shape, data } = array
  if (isReal(data)) throw new DataError(name, null, 'has floating-point values; tokens are integers')
  const tokens = whole(array, name, label)
  if (shape.length === 1) return { kind: 'stream', name, tokens, vocabulary: null }
  if (shape.length === 2 && shape[1] >= 2 && shape[0] > 0) return sequences(tokens, shape, name)
  throw new DataError(
    name,
    null,
    `is [${shape.join(', ')}]; expected tokens [N], or rows [N, S + 1], each with the token that follows it`,
  )
}

/** Arrays of the same leading size, each a field; a single integer array is tokens. Throws a DataError. */
export function arrayData(arrays: Readonly<Record<string, FileArray>>, name: string): Data {
  const entries = Object.entries(arrays)
  if (entries.length === 0) throw new DataError(name, null, 'has no arrays')
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
    if (shape.length === 0) throw new DataError(name, null, `${field} is a scalar; its leading axis must be that of the examples`)
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
  return { kind: 'rows', name, count, fields, columns, places: rowNumbers(count), unit: 'row' }
}
