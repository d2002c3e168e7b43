/** A model that trains in a fraction of a second, for tests of commands; `settings` are further lines of its `train` block. */
export const tinySpec = (steps: number, settings: readonly string[] = []): string => `
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model tiny(V: int = 12, D: int = 6, E: int = 3) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  let h = take(embed, tokens)
  let thought = moe(h) {
    experts E of swiglu(F = 4)
    route top_k(k = 2)
  }
  output logits: f32[B, S, V] = (h + thought) @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    optimiser adamw(rate = 0.01)
    batch B = 2, S = 5
${settings.map((line) => `    ${line}\n`).join('')}    steps ${steps}
  }
}
`
