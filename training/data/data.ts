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
}

export interface Field {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  /** Of one example. */
  readonly shape: readonly number[]
}

/** `tokens i32[S], targets i32[S]` */
export const showFields = (fields: readonly Field[]): string => fields.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(', ')}]`).join(', ')
