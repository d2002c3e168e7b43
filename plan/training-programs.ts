/** The programs of a training run: graphs in the compiler, plans on a device. Their weights are shared by name. */
import type { Recipe } from './recipe.ts'
import type { UpdatedTensor } from './update.ts'

/** Each program is made when it is asked for; `P` is a graph or a plan. */
export interface TrainingPrograms<P> {
  readonly recipe: Recipe
  /** Weights with an f16 copy, which matmuls of a step read in mixed precision; empty in f32. */
  readonly f16Weights: ReadonlySet<string>
  /**
   * Losses, metrics and routing of a micro-batch, and its gradients: stored if `isFirst`, the first micro-batch of a step, else
   * added to those before. `competing` lists the competitions that run.
   */
  readonly step: (competing: readonly string[], isFirst: boolean) => P
  /** The optimizer update of the given tensors, weights or parameter buckets; by default of each trainable weight. */
  readonly update: (updated?: readonly UpdatedTensor[]) => P
  /** Recomputes the f16 copies from the weights. */
  readonly f16Copies: (updated?: readonly UpdatedTensor[]) => P
  /** Losses and metrics of the `train` block and routing, without learning; in f32. */
  readonly evaluation: () => P
}
