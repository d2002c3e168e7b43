/** A small model for runs of `smoe train` that are killed, stopped and go on. */

/**
 * A model of twelve characters. Routers compete and learn by a drawn schedule, values are left out by chance: all that a
 * checkpoint must carry.
 */
export const trainedSpec = (steps: number, batch = 'B = 2, S = 8'): string => `import { swiglu } from "std/experts/swiglu"
import { competition } from "std/policies/competition"

model tiny(V: int = 12, D: int = 8, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  let h = take(embed, tokens)
  let thought = moe(h) {
    experts E of swiglu(F = 8)
    route competition(k = 2)
  }
  output logits: f32[B, S, V] = dropout(h + thought, 0.1) @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    optimiser adamw(rate = 0.01)
    schedule cosine(warmup = 5)
    batch ${batch}
    steps ${steps}
  }
}
`

export const TRAINED_TEXT = 'the quick fox, a lazy dog; '.replaceAll(/[^a-l]/g, 'l').repeat(40)
