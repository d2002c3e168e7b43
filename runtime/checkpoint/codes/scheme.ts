/** How published checkpoints lay out a quantised weight: codes, and tensors beside them that say what the codes mean. */
import type { FormatName } from '../../../plan/storage/formats.ts'
import type { TensorInfo } from '../checkpoint.ts'
import type { DTypeName } from '../dtypes.ts'

/** Bytes of a tensor from an offset inside it. */
export type ReadRange = (tensor: string, offset: number, length: number) => Promise<Uint8Array>

/** A weight put together from several tensors; a row is whole blocks of its format. */
export interface JoinedWeight {
  readonly shape: readonly number[]
  readonly format: FormatName
  /** Blocks `first` .. `end` - 1 of all rows in row-major order. */
  readonly readBlocks: (first: number, end: number) => Promise<Uint8Array>
}

/** Tensors of one weight by their role. */
export type Parts = Readonly<Record<string, TensorInfo>>

/** Why the tensors of a weight do not fit each other. */
export class JoinError extends Error {}

export interface Scheme {
  /** As messages call it. */
  readonly title: string
  /** What names of weights are like, where what is behind them is not enough to tell. */
  readonly weights?: RegExp
  /** What the name of a weight has behind it where its codes are stored, and their dtype. */
  readonly codes: { readonly suffix: string; readonly dtype: DTypeName }
  /** Role -> what the name of a weight has behind it. */
  readonly beside: Readonly<Record<string, string>>
  /** Roles of tensors that a weight may do without. */
  readonly optional?: readonly string[]
  /** Dtype of each tensor beside the codes that is told from others by it. */
  readonly dtypes: Readonly<Record<string, readonly DTypeName[]>>
  /** Throws a JoinError for shapes that do not fit each other. */
  readonly join: (parts: Parts, read: ReadRange) => Promise<JoinedWeight>
}
