/** What every routed layer of a run decided, as it is read back from a device or a file. */
import { NotFiniteError, RouteError } from '../errors.ts'

export type Reals = Float32Array | Float64Array

export interface RoutedLayer {
  /** The instance: `layers.0/moe`. */
  readonly name: string
  /** E, from 1 on. */
  readonly experts: number
  /** T. */
  readonly tokens: number
  /** Slots of a token, from 1 on. */
  readonly k: number
  /** [T * k]: experts 0..E-1, the best of a token first; -1 where a slot was dropped. */
  readonly selected: Int32Array
  /** [T * k]: what each answer counts. That of a dropped slot means nothing. */
  readonly weights: Reals
  /** [T]: the weight that dropped slots leave to the shared experts, where they leave one. */
  readonly spilled?: Reals
  /** [T * E]: the probabilities that experts were chosen by, where a policy has them and they were recorded. */
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
  if (spilled !== undefined && spilled.length !== tokens) return `${spilled.length} weights that are passed on for ${tokens} tokens`
  if (scores !== undefined && scores.length !== tokens * experts) return `${scores.length} scores for ${tokens} tokens and ${experts} experts`
  return null
}

function checkFinite(what: string, values: Reals): void {
  const first = values.findIndex((value) => !Number.isFinite(value))
  if (first < 0) return
  throw new NotFiniteError(what, values.filter((value) => !Number.isFinite(value)).length, values.length, first)
}

/** Throws a RouteError for sizes and experts that cannot be, and a NotFiniteError for weights and scores that are no numbers. */
export function checkLayer(layer: RoutedLayer): void {
  const problem = sizeProblem(layer)
  if (problem !== null) throw new RouteError(layer.name, problem)
  const stray = layer.selected.findIndex((expert) => expert < -1 || expert >= layer.experts)
  if (stray >= 0) {
    const token = Math.floor(stray / layer.k)
    throw new RouteError(layer.name, `token ${token} chose expert ${layer.selected[stray]} of ${layer.experts}, from 0 to ${layer.experts - 1}; -1 is a dropped slot`)
  }
  checkFinite(`${layer.name}.weights`, layer.weights)
  if (layer.spilled !== undefined) checkFinite(`${layer.name}.spilled`, layer.spilled)
  if (layer.scores !== undefined) checkFinite(`${layer.name}.scores`, layer.scores)
}

/** Checks each layer, and that no two have one name. */
export function checkRecord({ layers }: RouteRecord): void {
  const names = new Set<string>()
  for (const layer of layers) {
    if (names.has(layer.name)) throw new RouteError(layer.name, 'stands twice in the record')
    names.add(layer.name)
    checkLayer(layer)
  }
}
