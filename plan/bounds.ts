/** What the dims of a run have to fulfil. */
import { dim, evaluate, symbolsOf, type DimValues } from './dim.ts'
import type { Bound } from './plan.ts'

/** The first that does not hold: a dim that it depends on, and a message with the values of all of them. */
export function brokenBound(
  bounds: readonly Bound[],
  values: DimValues,
): { readonly dimension: string; readonly message: string } | null {
  const broken = bounds.find(({ size }) => evaluate(size, values) < 0)
  if (broken === undefined) return null
  const symbols = symbolsOf(dim(broken.size))
  return {
    dimension: symbols[0],
    message: `${broken.what}, with ${symbols.map((name) => `${name} = ${values[name]}`).join(', ')}`,
  }
}
