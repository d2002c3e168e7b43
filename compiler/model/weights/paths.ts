/** The weights of a model one by one, with their loop indices. */
import { own } from '../../../plan/table.ts'
import type { WeightFact } from '../model.ts'
import { evaluateSize, type Lookup } from '../static/static.ts'

export interface WeightInstance {
  readonly fact: WeightFact
  /** `layers.0.attention.q` */
  readonly path: string
  /** The indices of the loops around it. */
  readonly indices: Readonly<Record<string, number>>
}

/** Puts indices in the place of their names: `layers.{i}`. */
export const pathWith = (path: string, indices: Readonly<Record<string, unknown>>): string =>
  path.replace(/\{([^}]*)\}/g, (whole, name: string) => (typeof own(indices, name) === 'number' ? String(indices[name]) : whole))

/** All instances of each weight; a loop with unknown bounds has none. */
export function instancesOf(facts: readonly WeightFact[], lookup: Lookup): readonly WeightInstance[] {
  return facts.flatMap((fact) => {
    let turns: readonly Readonly<Record<string, number>>[] = [{}]
    for (const { index, from, to } of fact.loops) {
      turns = turns.flatMap((indices) => {
        const inside: Lookup = (name) => own(indices, name) ?? lookup(name)
        const [first, end] = [evaluateSize(from, inside) ?? 0, evaluateSize(to, inside) ?? 0]
        return Array.from({ length: Math.max(0, end - first) }, (_, turn) => ({ ...indices, [index]: first + turn }))
      })
    }
    return turns.map((indices) => ({ fact, path: pathWith(fact.term.path, indices), indices }))
  })
}
