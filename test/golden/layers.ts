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
  /** Statements before the moe, and what it routes. */
  readonly before?: readonly string[]
  readonly input?: string
  /** What is done with its `answers`. */
  readonly output?: string
  /** Statements behind it. */
  readonly after?: readonly string[]
  /** Axes of the input before D. */
  readonly axes?: string
  readonly E?: number
  readonly D?: number
  /** Further declarations. */
  readonly declarations?: string
}

export function textOf({
  imports = [],
  experts,
  route,
  clauses = [],
  weights,
  before = [],
  input = 'x',
  output = 'answers',
  after = [],
  axes = 'B, S',
  E = 8,
  D = 32,
  declarations = '',
}: Layer): string {
  return `${[`import ${experts.imports}`, ...imports.map((one) => `import ${one}`)].join('\n')}
${declarations}
model layer(D: int = ${D}, E: int = ${E}) {
  input x: f32[${axes}, D]
${before.map((line) => `  ${line}\n`).join('')}  let answers = moe(${input}) {
    experts E of ${experts.call}
    route ${route}
${clauses.map((clause) => `    ${clause}\n`).join('')}  }
  output y: f32[${axes}, D] = ${output}
${after.map((line) => `  ${line}\n`).join('')}  weights {
${[...experts.weights, ...weights].map((entry) => `    ${entry}\n`).join('')}  }
}
`
}

export const sourceOf = (name: string, layer: Layer): Source => ({ path: `test/golden/${name}.smoe`, text: textOf(layer) })
