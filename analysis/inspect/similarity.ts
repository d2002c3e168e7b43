/** How alike the experts of a layer are, beside experts whose weights are random directions. */
import { randomRows, routerVerdict, type RandomRows, type RouterVerdict } from '../../runtime/routing/collapse.ts'

export interface Similarity {
  /** The cosine of each pair i > j, in the order (1, 0), (2, 0), (2, 1), ... */
  readonly cosines: readonly number[]
  /** Mean of the sizes of these; null where there is no pair. */
  readonly mean: number | null
  /** What random directions have in so many dimensions. */
  readonly random: RandomRows['cosine']
  /** The pair whose cosine is largest; null where there is none. */
  readonly closest: { readonly experts: readonly [number, number]; readonly cosine: number } | null
  readonly verdict: RouterVerdict
}

/** The pair at a place of the list of cosines. */
export function pairAt(place: number): readonly [number, number] {
  const i = Math.floor((1 + Math.sqrt(1 + 8 * place)) / 2)
  return [i, place - (i * (i - 1)) / 2]
}

/** Of experts with so many numbers each. Pairs with an expert of zeros have no cosine and do not count. */
export function similarityOf(cosines: readonly number[], experts: number, numbers: number): Similarity {
  const known = cosines.filter((cosine) => !Number.isNaN(cosine))
  const mean = known.length === 0 ? null : known.reduce((sum, cosine) => sum + Math.abs(cosine), 0) / known.length
  const random = randomRows(experts, numbers)
  const largest = known.length === 0 ? null : Math.max(...known)
  return {
    cosines,
    mean,
    random: random.cosine,
    closest: largest === null ? null : { experts: pairAt(cosines.indexOf(largest)), cosine: largest },
    verdict: routerVerdict({ pearson: null, cosine: mean }, random),
  }
}
