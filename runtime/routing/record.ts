/** Routing records: the experts and weights of every token in every routed layer of a run. */
import type { FileData } from '../checkpoint/encode.ts'
import { RouteError } from '../errors.ts'
import { checkFinite } from '../finite.ts'

export type Reals = Float32Array | Float64Array

export interface RoutedLayer {
  /** The instance: `layers.0/moe`. */
  readonly name: string
  /** E, at least 1. */
  readonly experts: number
  /** T. */
  readonly tokens: number
  /** Assignments of a token, at least 1. */
  readonly k: number
  /** [T * k]: experts 0..E-1, the best of a token first; -1 for a dropped assignment. */
  readonly selected: Int32Array
  /** [T * k]: routing weights. That of a dropped assignment has no meaning. */
  readonly weights: Reals
  /** [T]: the overflow, the weight of dropped assignments that goes to the shared experts; absent if they get none. */
  readonly spilled?: Reals
  /** [T * E]: the router probabilities, if the policy has them and they were recorded. */
  readonly scores?: Reals
}

export interface RouteRecord {
  readonly layers: readonly RoutedLayer[]
}

const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least

function sizeProblem({ experts, tokens, k, selected, weights, spilled, scores }: RoutedLayer): string | null {
  if (!isCount(experts, 1)) return `${experts} experts`
  if (!isCount(tokens, 0)) return `${tokens} tokens`
  if (!isCount(k, 1)) return `${k} slots a token`
  if (selected.length !== tokens * k) return `${selected.length} choices for ${tokens} tokens of ${k} slots`
  if (weights.length !== tokens * k) return `${weights.length} weights for ${tokens} tokens of ${k} slots`
  if (spilled !== undefined && spilled.length !== tokens)
    return `${spilled.length} weights that are passed on for ${tokens} tokens`
  if (scores !== undefined && scores.length !== tokens * experts)
    return `${scores.length} scores for ${tokens} tokens and ${experts} experts`
  return null
}

/** Throws a RouteError for sizes and experts that cannot be. */
function checkChoices(layer: RoutedLayer): void {
  const problem = sizeProblem(layer)
  if (problem !== null) throw new RouteError(layer.name, problem)
  const stray = layer.selected.findIndex((expert) => expert < -1 || expert >= layer.experts)
  if (stray >= 0) {
    const token = Math.floor(stray / layer.k)
    throw new RouteError(
      layer.name,
      `token ${token} chose expert ${layer.selected[stray]} of ${layer.experts}, from 0 to ${layer.experts - 1}; -1 is a dropped slot`,
    )
  }
}

/** The floating-point tensors of a layer. */
export const realsOfLayer = ({
  name,
  tokens,
  k,
  experts,
  weights,
  spilled,
  scores,
}: RoutedLayer): Readonly<Record<string, FileData>> => ({
  [`${name}.weights`]: { shape: [tokens, k], data: weights },
  ...(spilled === undefined ? {} : { [`${name}.spilled`]: { shape: [tokens], data: spilled } }),
  ...(scores === undefined ? {} : { [`${name}.scores`]: { shape: [tokens, experts], data: scores } }),
})

/** Throws a RouteError for sizes and experts that cannot be, and a NotFiniteError for weights and scores that are no numbers. */
export function checkLayer(layer: RoutedLayer): void {
  checkChoices(layer)
  checkFinite(realsOfLayer(layer))
}

/** Checks the sizes and experts of each layer, not its weights, and that no two have one name. */
export function checkRecordChoices({ layers }: RouteRecord): void {
  const names = new Set<string>()
  for (const layer of layers) {
    if (names.has(layer.name)) throw new RouteError(layer.name, 'is in the record twice')
    names.add(layer.name)
    checkChoices(layer)
  }
}

/** Checks each layer, and that no two have one name. */
export function checkRecord(record: RouteRecord): void {
  checkRecordChoices(record)
  for (const layer of record.layers) checkFinite(realsOfLayer(layer))
}
