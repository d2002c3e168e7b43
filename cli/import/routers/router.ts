/** How tokens find their experts: a policy of `std`, with its arguments. */
import type { Fields } from '../fields.ts'
import type { Imports, Weights } from '../part.ts'
import { nameIn, type Layout, type Names } from '../names/source.ts'

export interface Router {
  readonly imports: Imports
  /** The call behind `route`; `k` is the number of experts a token. */
  readonly call: string
  /** Path below the router -> name in a layer. */
  readonly weights: Weights
}

/** The sizes of the layer that a router serves. */
export interface RoutedSizes {
  readonly numExperts: number
  /** Experts a token. */
  readonly topK: number
}

export type MakeRouter = (fields: Fields, layout: Layout, sizes: RoutedSizes) => Router

/** A flag of the config, or what no config changes. */
export type Flag = string | boolean

/** Whether the weights of the chosen experts are scaled to sum to 1. */
export const readRenormalise = (fields: Fields, flag: Flag): boolean =>
  typeof flag === 'boolean' ? flag : fields.flag(flag, 'whether the weights of the chosen experts sum to 1')

export const named = (weights: Readonly<Record<string, Names>>, layout: Layout): Weights =>
  Object.fromEntries(Object.entries(weights).map(([path, names]) => [path, nameIn(names, layout)]))
