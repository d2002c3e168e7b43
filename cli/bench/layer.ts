/** The layer that `smoe bench` measures: a SwiGLU mixture of experts, from hidden states to hidden states. */
import type { Source } from '../../grammar/source.ts'

export interface LayerSize {
  readonly experts: number
  readonly k: number
  readonly width: number
  readonly hidden: number
}

export const LAYER: Source = {
  path: 'bench.smoe',
  text: `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

/// One sparse mixture of SwiGLU experts.
model moe_layer(E: int = 8, k: int in 1..E = 2, D: int = 512, F: int = 1024) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = F)
    route top_k(k = k)
    require dropless
  }
}
`,
}

/** Multiplications and additions of the experts that answer: three matrices, k experts a token. */
export const layerFlops = ({ k, width, hidden }: LayerSize, tokens: number): number => 2 * 3 * tokens * k * width * hidden
