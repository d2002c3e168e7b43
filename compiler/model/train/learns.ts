/** Which weights train, and which by low-rank pairs beside them. */
import type { Adapter } from '../../../plan/adapters.ts'
import { folds, lookupIn } from '../context/context.ts'
import type { LearnsFact, Model, Train, WeightPattern } from '../model.ts'
import { evaluate } from '../static/static.ts'
import { instancesOf } from '../weights/paths.ts'
import { fits } from './pattern.ts'

/** Whether a weight is among those that are named, by its path. */
export const isNamed = (named: WeightPattern, path: string): boolean =>
  named.kind === 'pattern' ? fits(named.pattern, path) : path.split('.').includes(named.label)

/** Whether a weight itself trains where a gradient reaches it; all others are frozen. */
export const learnsWeight = ({ learns }: Pick<Train, 'learns'>, path: string): boolean =>
  learns === null || learns.some(({ named, lora }) => lora === null && isNamed(named, path))

/**
 * The pair beside a weight, by its path; null for none. Of several that fit the last counts. Weights of other than two axes, in a
 * bank those of one expert, and weights that train themselves have none.
 */
export function adaptersOf({ train, weights, values, symbols }: Model): (path: string) => Adapter | null {
  const pairs = (train?.learns ?? []).filter(({ lora }) => lora !== null)
  const lookup = lookupIn({ values: new Map(Object.entries(values)), symbols: new Map(Object.entries(symbols)) })
  const numberOf = ({ lora }: LearnsFact, name: string): number => Number(evaluate(lora!.settings[name], lookup, folds))
  const instances = pairs.length === 0 ? [] : instancesOf(weights, lookup)
  const matrices = new Set(instances.filter(({ fact }) => fact.term.shape.length === 2).map(({ path }) => path))
  return (path) => {
    if (!matrices.has(path)) return null
    const found = pairs.findLast(({ named }) => isNamed(named, path))
    if (found === undefined || learnsWeight(train!, path)) return null
    return { weight: path, rank: numberOf(found, 'rank'), scale: numberOf(found, 'scale') }
  }
}
