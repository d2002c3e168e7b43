/** Specs whose torch modules are compared: the examples, every policy of the library, and constraints. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { layers } from '../../test/std/policies.ts'
import { textOf, type Layer } from '../../test/std/layer.ts'

export interface TorchCase {
  readonly name: string
  readonly text: string
  /** Sizes of the open dims. */
  readonly dims: Readonly<Record<string, number>>
  readonly vocabulary: number
}

const TRAIN = `
  train {
    input wanted: f32[B, S, D]
    loss fit = mean(mean(mean((y - wanted) * (y - wanted))))
    metric size = mean(mean(mean(y * y)))
    optimiser adamw(rate = 1e-2, decay = 0.1)
    schedule cosine(warmup = 2, final = 0.1)
    clip 1.0
    batch B = 2, S = 7
    accumulate 2
    steps 10
    seed 3
  }
}
`

/** The spec of a layer with a train block. */
export const trained = (layer: Layer): string => textOf(layer).replace(/\}\s*$/, TRAIN)

const constrained: readonly Layer[] = [
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['capacity 1.0 overflow drop'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['capacity 1.0 overflow next'] },
  { file: 'top_k', route: 'top_k(k = 2)', clauses: ['shared 2 of swiglu(F = F)'], requires: ['capacity 1.0 overflow shared'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['bias balanced at 0.01'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['groups 4 keep 2'] },
  { file: 'selective_sinkhorn', route: 'selective_sinkhorn(k = 2, rate = 0.5, noise = 0.3, gradient = "unrolled")' },
  { file: 'competition', route: 'competition(k = 2, rate = 0.5, warmup = 0.0, unevenness = "entropy", sequences = 2)' },
  { file: 'spectral', route: 'spectral(k = 2, alpha = 0.5, c = 3, renormalise = true)' },
]

const EXAMPLES = 'examples'

const examples: readonly TorchCase[] = readdirSync(EXAMPLES)
  .filter((name) => name.endsWith('.smoe'))
  .map((name) => ({ name, text: readFileSync(join(EXAMPLES, name), 'utf8'), dims: { B: 2, S: 8, T: 6 }, vocabulary: 24 }))

const policies: readonly TorchCase[] = [...layers, ...constrained].map((layer, at) => ({
  name: `${String(at).padStart(2, '0')} ${layer.route}${(layer.requires ?? []).map((one) => `, ${one}`).join('')}`,
  text: trained(layer),
  dims: { B: 2, S: 7 },
  vocabulary: 40,
}))

export const CASES: readonly TorchCase[] = [...examples, ...policies]
