/** Splits a dataset into training and validation. */
import { elementCount, type HostArray } from '../../runtime/tensors.ts'
import { permutation, stream } from '../random.ts'
import type { Data, RowsData, StreamData } from './data.ts'
import { filesWithin } from './place.ts'

export interface Split {
  readonly training: Data
  readonly validation: Data
}

function pick(column: HostArray, width: number, rows: Uint32Array): HostArray {
  const picked = new (column.constructor as new (length: number) => HostArray)(rows.length * width)
  for (const [at, row] of rows.entries()) picked.set(column.subarray(row * width, (row + 1) * width), at * width)
  return picked
}

const cut = (data: StreamData, from: number, to: number): StreamData => ({
  ...data,
  tokens: data.tokens.subarray(from, to),
  files: filesWithin(data, from, to),
})

const pickRows = (data: RowsData, rows: Uint32Array): RowsData => ({
  ...data,
  count: rows.length,
  places: Uint32Array.from(rows, (row) => data.places[row]),
  ...(data.files === undefined ? {} : { files: { ...data.files, of: Uint32Array.from(rows, (row) => data.files!.of[row]) } }),
  columns: Object.fromEntries(data.fields.map(({ name, shape }) => [name, pick(data.columns[name], elementCount(shape), rows)])),
})

/**
 * Splits off a fraction, 0..1, for validation: the end of a stream, so that no window is in both; of rows a random subset, the
 * same for every seed, so that runs can be compared.
 */
export function split(data: Data, fraction: number): Split {
  if (data.kind === 'stream') {
    const end = data.tokens.length - Math.floor(fraction * data.tokens.length)
    return { training: cut(data, 0, end), validation: cut(data, end, data.tokens.length) }
  }
  const order = permutation(data.count, stream(0, 'split', 'rows'))
  const count = Math.floor(fraction * data.count)
  const [validation, training] = [order.slice(0, count).sort(), order.slice(count).sort()]
  return { training: pickRows(data, training), validation: pickRows(data, validation) }
}
