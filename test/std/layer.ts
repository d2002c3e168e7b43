/** One routed layer around a policy of the library. */
import type { Graph } from '../../compiler/graph/node.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import type { CheckOptions } from '../../compiler/model/check.ts'
import { checkSource, framed } from '../support/check.ts'

export interface Layer {
  /** The file under std/policies. */
  readonly file: string
  /** As `top_k(k = 2)`. */
  readonly route: string
  /** Given to the policy as `ids`. */
  readonly hasIds?: boolean
  readonly requires?: readonly string[]
  /** Other clauses of the moe. */
  readonly clauses?: readonly string[]
  /** Statements of the model behind the moe's `answers`. */
  readonly after?: readonly string[]
}

export const textOf = ({ file, route, hasIds = false, requires = [], clauses = [], after = [] }: Layer): string => `
import { swiglu } from "std/experts/swiglu"
import { ${route.slice(0, route.indexOf('('))} } from "std/policies/${file}"

model layer(D: int = 12, F: int = 8, E: int = 8, V: int = 40) {
  input ${hasIds ? 'tokens: i32[B, S]' : 'x: f32[B, S, D]'}
${hasIds ? '  param embed: f32[V, D]\n  let x = take(embed, tokens)\n' : ''}  let answers = moe(x) {
    experts E of swiglu(F = F)
    route ${route}
${[...clauses, ...requires.map((one) => `require ${one}`)].map((clause) => `    ${clause}\n`).join('')}  }
${after.map((line) => `  ${line}\n`).join('')}  output y: f32[B, S, D] = answers
}
`

/** With the decisions of the moe among its outputs. Throws with the frames where there are mistakes. */
export function graphOf(layer: Layer, options: LowerOptions = {}, set: CheckOptions['set'] = {}): Graph {
  const { model, diagnostics } = checkSource({ path: `${layer.file}.smoe`, text: textOf(layer) }, { set })
  if (model === null || diagnostics.length > 0) throw new Error(framed(diagnostics))
  return lower(model, { routes: true, ...options })
}
