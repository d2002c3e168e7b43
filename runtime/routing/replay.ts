/** Replays recorded routing instead of computing it. */
import type { FileData } from '../checkpoint/encode.ts'
import { RouteError } from '../errors.ts'
import { violatedConstraint, type RoutingConstraints } from './constraints.ts'
import type { RoutedLayer, RouteRecord } from './record.ts'
import type { RouteOutput } from './tensors.ts'

/** A layer whose routing is an input of a run: the names, sizes and constraints. */
export interface ReplayedLayer extends RouteOutput {
  readonly tokens: number
  readonly k: number
  readonly constraints: RoutingConstraints
}

const LARGEST = 3.4028234663852886e38

const place = (at: number, k: number): string => `slot ${at % k} of token ${Math.floor(at / k)}`

function weightProblem({ k, selected, weights, spilled }: RoutedLayer): string | null {
  const lost = weights.findIndex((weight, at) => selected[at] < 0 && weight !== 0)
  if (lost >= 0) return `${place(lost, k)} is dropped and weighs ${weights[lost]}`
  const large = [...weights, ...(spilled ?? [])].find((weight) => Math.abs(weight) > LARGEST)
  return large === undefined ? null : `a weight is ${large}, the largest is ${LARGEST}`
}

/** Describes why a recorded layer does not fit the model; null if it does. */
function layerProblem(layer: RoutedLayer, wanted: ReplayedLayer): string | null {
  if (layer.experts !== wanted.experts) return `is recorded with ${layer.experts} experts, the model has ${wanted.experts}`
  if (layer.k !== wanted.k) return `is recorded with ${layer.k} slots a token, the model has ${wanted.k}`
  if (layer.tokens !== wanted.tokens) return `is recorded with ${layer.tokens} tokens, the run has ${wanted.tokens}`
  if (layer.spilled === undefined && wanted.spilled !== null)
    return `passes weight on to its shared experts, but '${wanted.spilled}' is not recorded`
  if (layer.spilled !== undefined && wanted.spilled === null)
    return `is recorded with '${layer.name}.spilled', but no weight is passed on`
  return weightProblem(layer) ?? violatedConstraint(layer, wanted.constraints)
}

function checkNames(found: readonly string[], wanted: readonly string[], name: string): void {
  const missing = wanted.find((layer) => !found.includes(layer))
  if (missing !== undefined)
    throw new RouteError(name, `lacks layer ${missing} of the model; it has ${found.join(', ') || 'none'}`)
  const stray = found.find((layer) => !wanted.includes(layer))
  if (stray !== undefined)
    throw new RouteError(name, `has layer ${stray}, which the model does not have; it has ${wanted.join(', ')}`)
}

const inputsOf = (
  { tokens, k, selected, weights, spilled }: RoutedLayer,
  names: ReplayedLayer,
): readonly (readonly [string, FileData])[] => [
  [names.selected, { shape: [tokens, k], data: selected }],
  [names.weights, { shape: [tokens, k], data: weights }],
  ...(spilled === undefined || names.spilled === null ? [] : [[names.spilled, { shape: [tokens], data: spilled }] as const]),
]

/**
 * The inputs that stand for decisions, by their names, and the layers in the order of the run; `name` is what messages call the
 * record, which has been checked. Throws a RouteError where it does not fit layer by layer, or breaks what the model requires.
 */
export function replayRoutes(
  record: RouteRecord,
  wanted: readonly ReplayedLayer[],
  name: string,
): { readonly record: RouteRecord; readonly inputs: Readonly<Record<string, FileData>> } {
  checkNames(
    record.layers.map((layer) => layer.name),
    wanted.map(({ layer }) => layer),
    name,
  )
  const layers = wanted.map((one) => {
    const layer = record.layers.find((candidate) => candidate.name === one.layer)!
    const problem = layerProblem(layer, one)
    if (problem !== null) throw new RouteError(name, `${layer.name}: ${problem}`)
    return layer
  })
  return { record: { layers }, inputs: Object.fromEntries(layers.flatMap((layer, at) => inputsOf(layer, wanted[at]))) }
}
