/** A routed layer run on tokens, by the reference or on a device, beside what its requirements mean. */
import type { Graph } from '../../../compiler/graph/node.ts'
import { lower } from '../../../compiler/lower/lower.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../../compiler/reference/tensor.ts'
import { hostTensor } from '../../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../check.ts'
import { answersOf } from './answers.ts'
import { brokenLaw, decide } from './law.ts'
import { textOf, width, type Layer, type Weights } from './layer.ts'
import { scoresOf, tokensOf, type Problem } from './tokens.ts'

type Rows = readonly (readonly number[])[]

/** What a run of a layer gives; decisions where they were asked for. */
export interface Given {
  readonly y: ArrayLike<number>
  readonly ids?: ArrayLike<number>
  readonly weights?: ArrayLike<number>
}

/** What it should give: whole numbers. */
export interface Wanted {
  readonly tokens: Rows
  readonly y: Rows
  readonly ids: Rows
  readonly weights: Rows
}

/** Throws with the frames where the spec has mistakes. */
export function layerGraph(layer: Layer, routes: boolean): Graph {
  const { model, diagnostics } = checkSource({ path: 'routed.smoe', text: textOf(layer) })
  if (model === null || diagnostics.length > 0) throw new Error(framed(diagnostics))
  return lower(model, { routes })
}

/** Tokens as the input x, f32 [B, S, D]: two sequences where their number is even. */
export function inputOf(tokens: Rows, layer: Layer): HostTensor {
  const B = tokens.length % 2 === 0 ? 2 : 1
  return hostTensor([B, tokens.length / B, width(layer)], 'f32', Float64Array.from(tokens.flat()))
}

export function wantedOf(layer: Layer, weights: Weights, problem: Problem): Wanted {
  const scores = scoresOf(problem, layer)
  const tokens = tokensOf(scores, layer, problem.seed)
  const decision = decide(scores, layer)
  return { tokens, y: answersOf(layer, weights, tokens, decision), ids: decision.ids, weights: decision.weights }
}

export function byReference(layer: Layer, graph: Graph, weights: Weights, tokens: Rows): Given {
  const { y, ...rest } = evaluate(graph, { inputs: { x: inputOf(tokens, layer) }, weights: weights.tensors })
  return { y: y.values, ids: rest['moe.selected']?.values, weights: rest['moe.weights']?.values }
}

/** The first row that differs, in words; -0 is 0. */
function wrongRow(what: string, given: ArrayLike<number>, wanted: Rows, skip: ReadonlySet<number>): string | null {
  const length = wanted[0]?.length ?? 0
  if (given.length !== wanted.length * length) return `${what} has ${given.length} numbers, not ${wanted.length} * ${length}`
  for (let t = 0; t < wanted.length; t++) {
    if (skip.has(t)) continue
    for (let i = 0; i < length; i++) {
      if (given[t * length + i] === wanted[t][i]) continue
      return `${what} of token ${t} is ${Array.from({ length }, (_, d) => given[t * length + d]).join(' ')}, not ${wanted[t].join(' ')}`
    }
  }
  return null
}

const NONE: ReadonlySet<number> = new Set()

/** What is wrong with a run, in words; null where nothing is. Outputs of the tokens in `skip` are not checked. */
export function wrongIn(layer: Layer, { tokens, y, ids, weights }: Wanted, given: Given, skip = NONE): string | null {
  const decided =
    given.ids === undefined
      ? null
      : (wrongRow('experts', given.ids, ids, NONE) ?? wrongRow('weights', given.weights!, weights, NONE))
  return decided ?? wrongRow('y', given.y, y, skip) ?? lawIn(layer, tokens, given)
}

function lawIn(layer: Layer, tokens: Rows, { ids }: Given): string | null {
  if (ids === undefined) return null
  const length = ids.length / tokens.length
  const rows = tokens.map((_, t) => Array.from({ length }, (_, j) => ids[t * length + j]))
  return brokenLaw(
    tokens.map((row) => row.slice(0, layer.E)),
    layer,
    rows,
  )
}
