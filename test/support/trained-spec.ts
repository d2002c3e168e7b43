/**
 * Models of twelve characters with one routed layer, which train in a fraction of a second: for tests of `smoe train` and what
 * follows.
 */

export interface CharacterModel {
  readonly steps: number
  /** Model width, experts, and the width of each. */
  readonly D?: number
  readonly E?: number
  readonly F?: number
  /** Imports and declarations before the model. */
  readonly before?: string
  readonly route?: string
  /** Further lines of the routed layer. */
  readonly requires?: readonly string[]
  /** What the head multiplies. */
  readonly hidden?: string
  readonly optimiser?: string
  readonly batch?: string
  /** Further lines of the `train` block. */
  readonly settings?: readonly string[]
}

const TOP_K = 'import { top_k } from "std/policies/top_k"'

const lines = (indent: string, all: readonly string[]): string => all.map((line) => `${indent}${line}\n`).join('')

export const characterSpec = ({
  steps,
  D = 6,
  E = 3,
  F = 4,
  before = TOP_K,
  route = 'top_k(k = 2)',
  requires = [],
  hidden = '(h + thought)',
  optimiser = 'adamw(rate = 0.01)',
  batch = 'B = 2, S = 5',
  settings = [],
}: CharacterModel): string => `import { swiglu } from "std/experts/swiglu"
${before}

model tiny(V: int = 12, D: int = ${D}, E: int = ${E}) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  let h = take(embed, tokens)
  let thought = moe(h) {
    experts E of swiglu(F = ${F})
    route ${route}
${lines('    ', requires)}  }
  output logits: f32[B, S, V] = ${hidden} @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    optimiser ${optimiser}
    batch ${batch}
${lines('    ', settings)}    steps ${steps}
  }
}
`

/** The smallest, with further lines of its `train` block. */
export const tinySpec = (steps: number, settings: readonly string[] = []): string => characterSpec({ steps, settings })

/** Routers compete and learn by a drawn schedule, values are left out by chance: all that a checkpoint must carry. */
export const trainedSpec = (steps: number, batch = 'B = 2, S = 8'): string =>
  characterSpec({
    steps,
    batch,
    D: 8,
    E: 4,
    F: 8,
    before: 'import { competition } from "std/policies/competition"',
    route: 'competition(k = 2)',
    hidden: 'dropout(h + thought, 0.1)',
    settings: ['schedule cosine(warmup = 5)'],
  })

export const TRAINED_TEXT = 'the quick fox, a lazy dog; '.replaceAll(/[^a-l]/g, 'l').repeat(40)
