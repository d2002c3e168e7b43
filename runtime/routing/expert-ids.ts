/**
 * The experts of a record alone, i16 [tokens, layers, k], as vLLM returns them: no weights and no names. A step cannot be
 * replayed exactly from them: weights are not in it, and the order of the experts of a token, which is that of their sum, is that
 * of its writer.
 */
import { RouteError } from '../errors.ts'
import type { RouteRecord } from './record.ts'

export interface ExpertIds {
  readonly tokens: number
  /** In the order of the run; null for names that are not known. */
  readonly layers: readonly (string | null)[]
  readonly k: number
  /** [tokens * layers * k]: -1 for a dropped assignment. */
  readonly ids: Int16Array
}

const MOST_EXPERTS = 2 ** 15

/** Throws a RouteError for layers that route other numbers of tokens or to other numbers of experts, or for more than i16 has. */
export function expertIdsOf({ layers }: RouteRecord): ExpertIds {
  const [first] = layers
  if (first === undefined) throw new RouteError('the record', 'has no layer')
  const { tokens, k } = first
  for (const layer of layers) {
    if (layer.tokens !== tokens || layer.k !== k)
      throw new RouteError(
        layer.name,
        `has ${layer.tokens} tokens of ${layer.k} experts, and ${first.name} ${tokens} of ${k}: one array has the same for all`,
      )
    if (layer.experts > MOST_EXPERTS) throw new RouteError(layer.name, `has ${layer.experts} experts, more than 16 bits count`)
  }
  const ids = new Int16Array(tokens * layers.length * k)
  layers.forEach(({ selected }, l) => {
    for (let t = 0; t < tokens; t++) ids.set(selected.subarray(t * k, (t + 1) * k), (t * layers.length + l) * k)
  })
  return { tokens, layers: layers.map(({ name }) => name), k, ids }
}

/** From an array of a file. Throws a RouteError for another shape, and for numbers that are no experts. */
export function expertIdsIn(name: string, shape: readonly number[], data: ArrayLike<number>): ExpertIds {
  const [tokens, layers, k] = shape
  if (shape.length !== 3) throw new RouteError(name, `has the shape [${shape.join(', ')}], not [tokens, layers, experts a token]`)
  const ids = Int16Array.from(data)
  const stray = ids.findIndex((id, at) => id !== data[at] || id < -1)
  if (stray >= 0) throw new RouteError(name, `has ${data[stray]} at ${stray}, which is not an expert`)
  return { tokens, layers: Array.from({ length: layers }, () => null), k, ids }
}

/** What two records of one layer have in common. */
export interface LayerParting {
  readonly name: string
  /** Tokens whose experts are others. */
  readonly others: number
  /** Tokens with the same experts in another order. */
  readonly reordered: number
  /** The first token with other experts; null where there is none. */
  readonly first: number | null
}

export interface Parting {
  readonly tokens: number
  readonly layers: readonly LayerParting[]
  /** The first token with other experts, and the first layer in which it has them: everything before is the same. */
  readonly first: {
    readonly token: number
    readonly layer: string
    readonly a: readonly number[]
    readonly b: readonly number[]
  } | null
}

const expertsAt = ({ ids, layers, k }: ExpertIds, token: number, layer: number): readonly number[] => {
  const from = (token * layers.length + layer) * k
  return [...ids.subarray(from, from + k)]
}

const sorted = (experts: readonly number[]): string => [...experts].sort((a, b) => a - b).join()

/** Throws a RouteError for records of other sizes. */
export function partingOf(a: ExpertIds, b: ExpertIds): Parting {
  for (const [what, one, other] of [
    ['tokens', a.tokens, b.tokens],
    ['routed layers', a.layers.length, b.layers.length],
    ['experts a token', a.k, b.k],
  ] as const)
    if (one !== other) throw new RouteError('the records', `have ${one} and ${other} ${what}`)
  const nameOf = (layer: number): string => a.layers[layer] ?? b.layers[layer] ?? `layer ${layer}`
  let first: Parting['first'] = null
  const layers = a.layers.map((_, layer) => ({ name: nameOf(layer), others: 0, reordered: 0, first: null as number | null }))
  for (let token = 0; token < a.tokens; token++)
    for (const [at, layer] of layers.entries()) {
      const [one, other] = [expertsAt(a, token, at), expertsAt(b, token, at)]
      if (one.join() === other.join()) continue
      if (sorted(one) === sorted(other)) {
        layer.reordered++
        continue
      }
      layer.others++
      layer.first ??= token
      first ??= { token, layer: layer.name, a: one, b: other }
    }
  return { tokens: a.tokens, layers, first }
}
