/** What turns the numbers of a tensor into codes. */
import type { TensorInfo } from '../../../runtime/checkpoint/checkpoint.ts'
import type { ErrorSums } from './error.ts'

/** The numbers of a stack of matrices, row-major, f32. */
export interface Numbers {
  /** [..., rows, columns], or any shape for a format that has no groups. */
  readonly shape: readonly number[]
  readonly values: Float32Array
}

export interface Coded {
  /** The bytes of each tensor of `files`, in that order. */
  readonly bytes: readonly Uint8Array[]
  readonly error: ErrorSums
}

/** One of the tensors that a weight is stored as. */
export interface CodeFile {
  readonly info: TensorInfo
  /** Its bytes, where they are the same whatever the numbers are. */
  readonly fixed?: Uint8Array
}

export interface Encoder {
  /** The tensors that the weight of this name and shape is stored as. */
  readonly files: (name: string, shape: readonly number[]) => readonly CodeFile[]
  /** All numbers are finite. */
  readonly encode: (numbers: Numbers) => Coded
}

/** The matrices of a stack. */
export interface Matrices {
  /** The number of matrices. */
  readonly outer: number
  readonly rows: number
  readonly columns: number
}

export const matricesOf = (shape: readonly number[]): Matrices => ({
  outer: shape.slice(0, -2).reduce((all, size) => all * size, 1),
  rows: shape.at(-2)!,
  columns: shape.at(-1)!,
})
