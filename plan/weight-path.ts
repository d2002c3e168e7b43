/** The name of a plan's weight and its path in the model: they differ where the plan has it transposed. */
import type { Plan, WeightPort } from './plan.ts'

const TRANSPOSED = '^T'

/** The name of a weight whose last two axes change places while it is loaded. */
export const transposedName = (path: string): string => `${path}${TRANSPOSED}`

const isTransposed = (name: string): boolean => name.endsWith(TRANSPOSED)

/** `embed^T` -> `embed` */
export const weightPath = (name: string): string => (isTransposed(name) ? name.slice(0, -TRANSPOSED.length) : name)

const byPath = (weight: WeightPort): WeightPort =>
  weight.pieces.length === 0
    ? weight
    : {
        ...weight,
        stacked: false,
        pieces: [{ tensor: weightPath(weight.name), slices: [], transpose: isTransposed(weight.name) }],
      }

/**
 * The same plan for a checkpoint that names each weight by its path and has it as the model does, as training saves them,
 * whatever the spec's `weights` say.
 */
export const weightsByPath = <P extends Pick<Plan, 'weights'>>(plan: P): P => ({ ...plan, weights: plan.weights.map(byPath) })

/** Metadata of a safetensors file whose tensors are weights by their paths, whatever a spec's `weights` say. */
export const BY_PATH: Readonly<Record<string, string>> = { 'smoe.weights': 'by path' }

/** Whether a file says so of itself. */
export const isByPath = (metadata: Readonly<Record<string, string>>): boolean =>
  Object.entries(BY_PATH).every(([key, value]) => metadata[key] === value)
