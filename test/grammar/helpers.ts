import { parse } from '../../grammar/parse.ts'
import { positionAt } from '../../grammar/source.ts'

/** The tree as data without places, comparable across texts. */
export const withoutSpans = (tree: unknown): unknown =>
  JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === 'span' || key === 'source' ? undefined : value)))

export const parseText = (text: string) => parse({ path: 'test.smoe', text })

/** `line:column code` of each diagnostic. */
export const placesOf = (text: string): readonly string[] =>
  parseText(text).diagnostics.map(({ code, span }) => {
    const { line, column } = positionAt(span.source, span.start)
    return `${line}:${column} ${code}`
  })

/** A file with every construct of the language. */
export const everything = `// A file with every construct.
import { swiglu, gated as other } from "std/experts/swiglu"
import { top_k } from "./top_k"

/// Sparse layers.
/// Two lines.
model mixtral(V: int = 64, D: int = 32, E: int = 8, k: int in 1..E = 2, eps: real = 1e-5, kind: "a" | "b" = "a", on: bool = true) {
  /// Ids.
  input tokens: i32[B, S]  // symbolic
  param embed: f32[V, D]
  var h = take(embed, tokens)

  repeat layers[i] in 0..L {
    h = h + attention(rms_norm(h, eps = eps) as attention_norm, heads = H, C = D / H)
    h = h + moe(rms_norm(h) as moe_norm) as ffn {
      experts E of swiglu(F = 2 * F)
      shared 1 of swiglu(F)
      route top_k(k = k) as gate
      require dropless
      require capacity 1.25 overflow shared
      require groups 8 keep 4
      require bias balanced at 0.001
      require balanced within 5%
      require expert choice
      require at most 64 tokens an expert
      require each token k experts
    }
  }
  param head: f32[V, D]
  assert D % H == 0 and not (E < k), "heads divide the width"
  output logits: f32[B, S, V] = rms_norm(h, eps = eps) as final_norm @ head.T
  weights {
    embed = "model.embed.weight"
    layers.{i}.moe.experts.{e}.gate = "model.layers.{i}.{e}.w1"
    layers.{i}.moe.experts.up = "gate_up"[:, 1:, ::2].T
    layers.{i}.let.if = "x"[0, a:b:c]
  }
  train {
    /// Ids that follow.
    input targets: i32[B, S]
    let flat = reshape(logits, [B * S, V])
    loss next = cross_entropy(flat, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 3e-4, beta2 = 0.95)
    schedule cosine(warmup = 100)  // steps
    clip 1.0
    accumulate 2
    batch B = 16, S = 2 * k
    steps 1000
    seed 1
    initialise normal(0.02)
    initialise "*.gain" ones()
    group "*.router.*" (decay = 0.0, rate = 0.5)
    assert S > 1
  }
}

policy angle(k: int in 1.. = 2, t: real in ..1 = 0.5) {
  param gate: f32[E, D] = normal(0.02)
  once {
    let direction = gate * rsqrt(sum(gate * gate, axis = -1, keep = true))
  }
  when training at 0.1 after 0.05, at_most 2 layers a step {
    select top k by x @ direction.T
    weigh pick(p, selected)
    loss balance = -sum(p)[0, :] * E
  } else {
    let w: f32[T, E] = if t > 0.5 then [1, 2.5, [3]] else where(p != 0, p, -p.T)
    select top k by w
    weigh w
  }
}

block empty(x: f32[..., D], y: f32[], z: f32[...]) {}

fn last(top: int, select: int, loss: int, tokens: int, at: int) -> real {
  let weights = top + select * loss
  return experts(weights) / tokens - at
}
`
