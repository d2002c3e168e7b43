/** Trees of JSON that mutants change: a place in one, and the values put there. */
import type { Random } from './mutate.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)
export const pick = <T>(items: readonly T[], random: Random): T => items[below(random, items.length)]

const nested = (depth: number): Json => {
  let value: Json = 'deep'
  for (let at = 0; at < depth; at++) value = at % 2 === 0 ? [value] : { type: 'Sequence', normalizers: [value] }
  return value
}

/** Values of every type, and those at which sizes and indices change what they mean. */
const VALUES: readonly (() => Json)[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 1e308, '', ' ', '\0', '\ud800', '__proto__', 'toString'].map(
    (one) => () => one,
  ),
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => ({ type: 'Sequence' }),
  () => ({ type: 'constructor' }),
  () => 'n'.repeat(100_000),
  () => nested(70),
  () => nested(20),
  () => Array.from({ length: 2000 }, (_, at) => at),
]

export const valueOf = (random: Random): Json => pick(VALUES, random)()

export interface Place {
  readonly holder: Json[] | { [key: string]: Json }
  readonly key: string | number
}

export const valueAt = ({ holder, key }: Place): Json => (holder as Record<string | number, Json>)[key]

export const setAt = ({ holder, key }: Place, value: Json): void => void ((holder as Record<string | number, Json>)[key] = value)

/** A value of a tree, by a walk down that ends anywhere. */
export function placeIn(value: Json, random: Random): Place | null {
  let [place, here]: [Place | null, Json] = [null, value]
  while (typeof here === 'object' && here !== null) {
    const keys: readonly (string | number)[] = Array.isArray(here) ? [...here.keys()] : Object.keys(here)
    if (keys.length === 0 || (place !== null && random() < 0.25)) break
    place = { holder: here, key: pick(keys, random) }
    here = valueAt(place)
  }
  return place
}

/** Removes the value at a place. */
export function removeAt({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(key as number, 1)
  else delete holder[key]
}
