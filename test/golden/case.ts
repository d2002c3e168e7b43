/** A layer, the files that it computes, and what of them is compared. */
import type { Layer } from './layers.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'

export type Tensors = Readonly<Record<string, HostTensor>>

export interface Routes {
  /** [..., K]: the experts of a token. */
  readonly selected: string
  /** [..., K]: what they weigh; null where the file does not say. */
  readonly weights: string | null
  /** [..., E]: what they were chosen by. */
  readonly scores: string | ((vectors: Tensors) => HostTensor)
}

/** Names of the tensors that the results are held against. */
export interface Expected {
  readonly routes?: Routes
  readonly y?: string
  /** Losses by output. */
  readonly losses?: Readonly<Record<string, (vectors: Tensors) => number>>
}

export interface Check {
  /** How close results have to come; 1e-5 where nothing is said. */
  readonly within?: number
  readonly expected: Expected
  /** The tensor that is loaded, transposed, in the place of `moe.router.ev`. */
  readonly held?: string
}

export interface Case {
  readonly name: string
  readonly layer: Layer
  /** What happens in a step of training. */
  readonly training?: boolean
  /** Without the precision and the ending. */
  readonly files: readonly string[]
  /** Only these; both where nothing is said. */
  readonly precisions?: readonly ('f32' | 'f64')[]
  /**
   * Whether float32 can hold what is compared; where it cannot, the float64 file alone is, by the reference. It can where nothing
   * is said.
   */
  readonly holdsInF32?: (vectors: Tensors) => boolean
  /** Further tensors, made of those of the file. */
  readonly made?: (vectors: Tensors) => Tensors
  /** One after the other, on one plan. */
  readonly checks: readonly Check[]
}
