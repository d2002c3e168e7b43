/** Which weights `learns` names. */
import type { Train, WeightPattern } from '../model.ts'
import { fits } from './pattern.ts'

/** Whether a weight is among those that are named, by its path. */
export const isNamed = (named: WeightPattern, path: string): boolean =>
  named.kind === 'pattern' ? fits(named.pattern, path) : path.split('.').includes(named.label)

/** Whether a weight trains where a gradient reaches it; all others are frozen. */
export const learnsWeight = ({ learns }: Pick<Train, 'learns'>, path: string): boolean =>
  learns === null || learns.some((named) => isNamed(named, path))
