/** The layer that `smoe bench` measures: a SwiGLU mixture of experts, from hidden states to hidden states. */
import type { Source } from '../../grammar/source.ts'

export interface LayerSize {
  readonly experts: number
  readonly k: number
  readonly width: number
  readonly hidden: number
}

const IMPORTS = `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
`

const BODY = `{
    experts E of swiglu(F = F)
    route top_k(k = k)
    require dropless
  }`

export const LAYER: Source = {
  path: 'bench.smoe',
  text: `${IMPORTS}
/// One sparse mixture of SwiGLU experts.
model moe_layer(E: int = 8, k: int in 1..E = 2, D: int = 512, F: int = 1024) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) ${BODY}
}
`,
}

/** The matrix products of the layer for one expert that has all rows, N = T k. */
export const DENSE_LAYER: Source = {
  path: 'bench-dense.smoe',
  text: `/// One SwiGLU for all rows.
model dense_layer(D: int = 512, F: int = 1024) {
  input x: f32[N, D]
  param gate: f32[F, D]
  param up: f32[F, D]
  param down: f32[D, F]
  output y: f32[N, D] = (silu(x @ gate.T) * (x @ up.T)) @ down.T
}
`,
}

/** What the layer reads. */
export const INPUT = 'x'
/** What the layers above would hand down. */
export const UPSTREAM = 'dy'
/** Its gradient at `y` is `dy`. */
export const LOSS = 'loss'

export const TRAINED_LAYER: Source = {
  path: 'bench-training.smoe',
  text: `${IMPORTS}
/// The same layer inside of a model that is trained.
model trained_moe_layer(T: int = 256, E: int = 8, k: int in 1..E = 2, D: int = 512, F: int = 1024) {
  input ${INPUT}: f32[T, D]
  input ${UPSTREAM}: f32[T, D]
  let y = moe(${INPUT}) ${BODY}
  output y: f32[T, D] = y
  output ${LOSS}: f32[] = sum(sum(y * ${UPSTREAM}))
}
`,
}

/** Multiplications and additions of the experts that answer: three matrices, k experts a token. */
export const layerFlops = ({ k, width, hidden }: LayerSize, tokens: number): number => 2 * 3 * tokens * k * width * hidden

/** Of a step of training: the forward products, and for each of them one for its rows and one for its matrices. */
export const trainingFlops = (size: LayerSize, tokens: number): number => 3 * layerFlops(size, tokens)
