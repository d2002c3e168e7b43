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
  /** For messages: the files of the tokens, in order; absent if there is one complete file with the name of the data. */
  readonly files?: readonly StreamFile[]
  /** One sentence for each choice in reading the files that is not obvious. */
  readonly notes?: readonly string[]
}

/** The tokens of a file in a stream: they begin at token `from` of the stream, which is token `first` of the file; both from 0. */
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
  /** For messages: the file of each row; absent if all rows come from one file with the name of the data. */
  readonly files?: { readonly names: readonly string[]; readonly of: Uint32Array }
  /** One sentence for each choice in reading the files that is not obvious. */
  readonly notes?: readonly string[]
}

export interface Field {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  /** Of one example. */
  readonly shape: readonly number[]
  /** If a row of the file has several fields: the column number of the first value in the file. */
  readonly column?: number
  /** The headings of the columns; absent if there is no heading. */
  readonly headings?: readonly string[]
  /** Whether the field was assumed from its position alone. */
  readonly isAssumed?: boolean
}

/** `tokens i32[S], targets i32[S]` */
export const showFields = (fields: readonly Field[]): string =>
  fields.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(', ')}]`).join(', ')
