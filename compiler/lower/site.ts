/** Where nodes are made while a term is lowered: the state of the lowering, and a maker for the origin of the term. */
import type { Origin } from '../graph/node.ts'
import { makerAt, type Maker } from '../ops/maker.ts'
import type { Environment } from './environment.ts'

export interface Site {
  readonly environment: Environment
  readonly origin: Origin
  readonly make: Maker
}

export const siteOf = (environment: Environment, origin: Origin): Site => ({
  environment,
  origin,
  make: makerAt(environment.builder, origin),
})
