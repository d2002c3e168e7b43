/** The text of a model with one routed layer, around the names of the weights in a file of vectors. */
import type { Source } from '../../grammar/source.ts'

export interface Experts {
  readonly imports: string
  /** After `experts E of`. */
  readonly call: string
  readonly weights: readonly string[]
}

export interface Layer {
  /** As `{ top_k } from "std/policies/top_k"`. */
  readonly imports?: readonly string[]
  readonly experts: Experts
  readonly route: string
  /** Clauses of the moe beside those. */
  readonly clauses?: readonly string[]
  /** Of the router and of shared experts. */
  readonly weights: readonly string[]
  /** The moe and what is done with it; `moe` stands for the layer itself. */
  readonly output?: string
  /** Axes of the input before D. */
  readonly axes?: string
  readonly E?: number
  /** Further declarations. */
  readonly declarations?: string
}

export function textOf({ imports = [], experts, route, clauses = [], weights, output = 'answers', axes = 'B, S', E = 8, declarations = '' }: Layer): string {
  return `${[`import ${experts.imports}`, ...imports.map((one) => `import ${one}`)].join('\n')}
${declarations}
model layer(D: int = 32, E: int = ${E}) {
  input x: f32[${axes}, D]
  let answers = moe(x) {
    experts E of ${experts.call}
    route ${route}
${clauses.map((clause) => `    ${clause}\n`).join('')}  }
  output y: f32[${axes}, D] = ${output}
  weights {
${[...experts.weights, ...weights].map((entry) => `    ${entry}\n`).join('')}  }
}
`
}

export const sourceOf = (name: string, layer: Layer): Source => ({ path: `test/golden/${name}.smoe`, text: textOf(layer) })

/** Linear, gelu, linear, with biases; `fc` and `proj` are their names. */
export const geluExperts: Experts = {
  imports: '{ gelu_mlp } from "std/experts/gelu_mlp"',
  call: 'gelu_mlp(F = 64)',
  weights: [
    'moe.experts.{e}.up = "param.experts.{e}.0.weight"', 'moe.experts.{e}.up_bias = "param.experts.{e}.0.bias"',
    'moe.experts.{e}.down = "param.experts.{e}.2.weight"', 'moe.experts.{e}.down_bias = "param.experts.{e}.2.bias"',
  ],
}

/** relu(x keys) values, a bank of each. */
export const reluExperts: Experts = {
  imports: '{ relu_mlp } from "std/experts/relu_mlp"',
  call: 'relu_mlp(F = 16, biases = false)',
  weights: ['moe.experts.up = "param.keys".T', 'moe.experts.down = "param.values".T'],
}
