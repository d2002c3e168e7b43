/** Finds NaN and infinite values in tensors, and their rows. */
import type { FileData } from './checkpoint/encode.ts'
import { NotFiniteError } from './errors.ts'

/** The non-finite values of one tensor. A row runs along the last axis; in a vector each value is a row. */
export interface NonFinite {
  readonly name: string
  /** The number of NaN and infinite values. */
  readonly count: number
  /** The number of all values. */
  readonly elements: number
  /** Row-major index of the first value that is not finite. */
  readonly first: number
  /** Rows with such a value, in row-major order over all axes but the last. */
  readonly rows: readonly number[]
  /** Sizes of all axes but the last: `[2, 24]` of `[2, 24, 64]`. */
  readonly rowShape: readonly number[]
}

function nonFiniteOf(name: string, { shape, data }: FileData): NonFinite | null {
  const width = shape.length < 2 ? 1 : shape[shape.length - 1]
  const rows: number[] = []
  let [count, first] = [0, -1]
  for (let at = 0; at < data.length; at++) {
    if (Number.isFinite(data[at])) continue
    if (count++ === 0) first = at
    const row = Math.floor(at / width)
    if (rows.at(-1) !== row) rows.push(row)
  }
  const rowShape = shape.length < 2 ? shape : shape.slice(0, -1)
  return count === 0 ? null : { name, count, elements: data.length, first, rows, rowShape }
}

const isReal = ({ data }: FileData): boolean => data instanceof Float32Array || data instanceof Float64Array

/** Each tensor with NaN or infinite values, in the given order; integers are always finite. */
export const findNonFinite = (tensors: Readonly<Record<string, FileData>>): readonly NonFinite[] =>
  Object.entries(tensors).flatMap(([name, tensor]) => (isReal(tensor) ? (nonFiniteOf(name, tensor) ?? []) : []))

/** The number of rows that a message lists. */
const SHOWN = 8

/** `7` of one axis, `[1, 3]` of several. */
function showRow(row: number, shape: readonly number[]): string {
  if (shape.length < 2) return String(row)
  const place = shape.map((size, axis) => Math.floor(row / shape.slice(axis + 1).reduce((all, next) => all * next, 1)) % size)
  return `[${place.join(', ')}]`
}

/** `rows 2, 8 and 15 of 17` */
export function describeRows({ rows, rowShape }: Pick<NonFinite, 'rows' | 'rowShape'>): string {
  const all = rowShape.reduce((product, size) => product * size, 1)
  if (rows.length === all) return all === 1 ? 'the only row' : `all ${all} rows`
  const shown = rows.slice(0, SHOWN).map((row) => showRow(row, rowShape))
  const last = rows.length > SHOWN ? `${rows.length - SHOWN} more` : shown.pop()
  return `row${rows.length === 1 ? '' : 's'} ${[shown.join(', '), last].filter((part) => part !== '').join(' and ')} of ${all}`
}

/** Throws a NotFiniteError for the first tensor with NaN or infinite values. */
export function checkFinite(tensors: Readonly<Record<string, FileData>>): void {
  const [found] = findNonFinite(tensors)
  if (found !== undefined)
    throw new NotFiniteError(found.name, found.count, found.elements, found.first, found.rows, describeRows(found))
}
