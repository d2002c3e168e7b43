/** Finds the position of a value in its file after datasets were joined or split, for messages. */
import type { Field, RowsData, StreamData, StreamFile } from './data.ts'

/** The files of a stream; data from a program counts as one file. */
export const filesOf = ({ files, name }: StreamData): readonly StreamFile[] => files ?? [{ name, from: 0, first: 0 }]

/** The files of tokens from..to-1, relative to `from`. */
export function filesWithin(data: StreamData, from: number, to: number): readonly StreamFile[] {
  const files = filesOf(data)
  return files.flatMap((file, at) => {
    const [start, end] = [Math.max(file.from, from), Math.min(files[at + 1]?.from ?? data.tokens.length, to)]
    return start < end ? [{ name: file.name, from: start - from, first: file.first + start - file.from }] : []
  })
}

/** `a.npy: token 3999`, counted from 0 in the file. */
export function tokenPlace(data: StreamData, at: number): string {
  const { name, from, first } = filesOf(data).findLast((file) => file.from <= at) ?? filesOf(data)[0]
  return `${name}: ${data.vocabulary?.kind === 'bytes' ? 'byte' : 'token'} ${first + at - from}`
}

/** `[3, 1]` of element 7 in [4, 2]. */
export function indexOf(element: number, shape: readonly number[]): string {
  const at: number[] = []
  for (let axis = shape.length - 1, left = element; axis >= 0; axis--) {
    at.unshift(left % shape[axis])
    left = Math.floor(left / shape[axis])
  }
  return `[${at.join(', ')}]`
}

export const fileOfRow = ({ files, name }: RowsData, row: number): string =>
  files === undefined ? name : files.names[files.of[row]]

/**
 * The position of an element of a row: `a.csv, line 5, column 1: labels`, or `a.safetensors, row 4: x[2]` if the field is an
 * array.
 */
export function rowPlace(data: RowsData, { name, shape, column }: Field, row: number, element: number): string {
  const place = `${fileOfRow(data, row)}, ${data.unit} ${data.places[row]}`
  if (column !== undefined) return `${place}, column ${column + element}: ${name}`
  return `${place}: ${name}${shape.length === 0 ? '' : indexOf(element, shape)}`
}
