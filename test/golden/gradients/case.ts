/** A layer with losses, the files that hold their gradients, and which loss each set of those is of. */
import type { LowerOptions } from '../../../compiler/lower/lower.ts'
import type { Case, Tensors } from '../case.ts'
import type { Layer } from '../layers.ts'

export interface Term {
  /** Before the names of its gradients in the file: `grad` of `grad.x`. */
  readonly prefix: string
  /** Outputs whose sum it is the gradient of; all losses where nothing is said. */
  readonly losses?: readonly string[]
  /** Gradients that are 0, and of which the file has roundings. */
  readonly zeros?: readonly string[]
  /** What that sum is. */
  readonly value?: (vectors: Tensors) => number
}

export interface GradientCase extends Pick<Case, 'name' | 'files' | 'precisions' | 'holdsInF32' | 'made'> {
  readonly layer: Layer
  readonly training: NonNullable<LowerOptions['training']>
  readonly terms: readonly Term[]
  /** Further losses by output. */
  readonly values?: Readonly<Record<string, (vectors: Tensors) => number>>
  /** How far the float32 file lies from the float64 one, where that is more than is asked of a device. */
  readonly rounding?: number
}
