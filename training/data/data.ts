/** What was read of a file: numbers in order, from which examples of any length are cut, or rows that are examples. */
import type { HostArray } from '../../runtime/tensors.ts'
import type { Vocabulary } from './vocabulary.ts'

export type Data = StreamData | RowsData

/** Token after token. An example is a window of `tokens` and the same moved on by one, `targets`. */
export interface StreamData {
  readonly kind: 'stream'
  readonly name: string
  readonly tokens: Int32Array
  /** What the tokens stand for; null where only the file's maker knows. */
  readonly vocabulary: Vocabulary | null
  /** For messages: the files that the tokens are of, in their order; absent where it is one, whole, and called as the data is. */
  readonly files?: readonly StreamFile[]
  /** How the files were read, where that was not plain: a sentence each. */
  readonly notes?: readonly string[]
}

/** A file's tokens in a stream: from token `from` on, which is token `first` of the file. Both count from 0. */
export interface StreamFile {
  readonly name: string
  readonly from: number
  readonly first: number
}

/** Row `at` of every column is one example. */
export interface RowsData {
  readonly kind: 'rows'
  readonly name: string
  readonly count: number
  readonly fields: readonly Field[]
  /** By the names of the fields, row after row. */
  readonly columns: Readonly<Record<string, HostArray>>
  /** For messages: the file's own number of each row. */
  readonly places: Uint32Array
  /** What a file calls a row, and counts it from 1: a line of text; or from 0: a row of an array. */
  readonly unit: 'line' | 'row'
  /** For messages: the file of each row; absent where all are of one that is called as the data is. */
  readonly files?: { readonly names: readonly string[]; readonly of: Uint32Array }
  /** How the files were read, where that was not plain: a sentence each. */
  readonly notes?: readonly string[]
}

export interface Field {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  /** Of one example. */
  readonly shape: readonly number[]
  /** Where a row of the file holds several fields: the column of the first number, as the file counts columns. */
  readonly column?: number
  /** What the heading calls the columns; absent without one. */
  readonly headings?: readonly string[]
  /** Whether only its place in the file says that it is this field. */
  readonly isAssumed?: boolean
}

/** `tokens i32[S], targets i32[S]` */
export const showFields = (fields: readonly Field[]): string => fields.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(', ')}]`).join(', ')
