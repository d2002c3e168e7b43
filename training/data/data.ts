/** Training data: a stream of tokens, from which windows of any length are taken, or rows that are examples. */
import type { HostArray } from '../../runtime/tensors.ts'
import type { Vocabulary } from './vocabulary.ts'

export type Data = StreamData | RowsData

/** A stream of tokens. An example is a window, `tokens`, and the same window shifted by one, `targets`. */
export interface StreamData {
  readonly kind: 'stream'
  readonly name: string
  readonly tokens: Int32Array
  /** The vocabulary; null if it is unknown. */
  readonly vocabulary: Vocabulary | null
  /** For messages: the files of the tokens, in order; absent if there is one whole file with the name of the data. */
  readonly files?: readonly StreamFile[]
  /** One sentence for each choice in reading the files that is not obvious. */
  readonly notes?: readonly string[]
}

/** A file in a stream: token `from` of the stream is token `first` of the file, both from 0. */
export interface StreamFile {
  readonly name: string
  readonly from: number
  readonly first: number
}

/** Examples as rows: row i of every column belongs to example i. */
export interface RowsData {
  readonly kind: 'rows'
  readonly name: string
  readonly count: number
  readonly fields: readonly Field[]
  /** Row-major, by field name. */
  readonly columns: Readonly<Record<string, HostArray>>
  /** For messages: the number of each row in its file. */
  readonly places: Uint32Array
  /** For messages: a line of text, counted from 1, or a row of an array, counted from 0. */
  readonly unit: 'line' | 'row'
  /** For messages: the file of each row; absent if all rows come from one file with the name of the data. */
  readonly files?: { readonly names: readonly string[]; readonly of: Uint32Array }
  /** One sentence for each choice in reading the files that is not obvious. */
  readonly notes?: readonly string[]
}

export interface Field {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  /** The shape of one example. */
  readonly shape: readonly number[]
  /** For tables: the column of the first value, from 1 in the file. */
  readonly column?: number
  /** The headings of the columns; absent if there are none. */
  readonly headings?: readonly string[]
  /** Whether the field was guessed from its position. */
  readonly isAssumed?: boolean
}

/** `tokens i32[S], targets i32[S]` */
export const showFields = (fields: readonly Field[]): string =>
  fields.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(', ')}]`).join(', ')
