/** The passes in order, each with the reason for its place. */
import type { Graph } from '../graph/node.ts'
import { print } from '../graph/print.ts'
import { verify } from '../graph/verify.ts'
import { specOf } from '../ops/spec.ts'
import { canonicalContract } from './canonical_contract.ts'
import { dead } from './dead.ts'
import { dropStops } from './drop_stops.ts'
import { fold } from './fold.ts'
import { orderRoutes, type RouteOptions } from './order_routes.ts'
import { orderSums } from './order_sums.ts'
import { rematerialise } from './rematerialise.ts'
import { share } from './share.ts'
import { simplify } from './simplify.ts'
import { splitSinkhorn, type SplitOptions } from './split_sinkhorn.ts'
import { weightLayout, type LayoutOptions } from './weight_layout.ts'

export type PassOptions = RouteOptions & SplitOptions & LayoutOptions

export interface Pass {
  readonly name: string
  readonly why: string
  readonly run: (graph: Graph, options: PassOptions) => Graph
}

/** The same for every variant of tokens. */
export const earlyPasses: readonly Pass[] = [
  { name: 'drop_stops', why: 'first: a stop hides its operand from every pattern', run: dropStops },
  { name: 'simplify', why: 'before folding, so that what repeats is folded before it is repeated', run: simplify },
  { name: 'fold', why: 'leaves literals for the laws to see', run: fold },
  { name: 'canonical_contract', why: 'before the next simplify, which merges the transposes it makes', run: canonicalContract },
  { name: 'simplify', why: 'folding and contracts have brought up new matches', run: simplify },
  { name: 'weight_layout', why: 'after all transposes of weights have met', run: weightLayout },
  { name: 'share', why: 'before routes are ordered, so that one routing has one order', run: share },
]

/** Those that take what a variant asks for into account, and what follows them. */
export const latePasses: readonly Pass[] = [
  { name: 'order_routes', why: 'late: no law should meet the schedule', run: orderRoutes },
  {
    name: 'order_sums',
    why: 'late, as the routes: the numbers that it sorts are plain arithmetic, which no law should meet',
    run: orderSums,
  },
  {
    name: 'rematerialise',
    why: 'after sharing, which would make one of what is made twice, and late: no law should part what belongs together',
    run: rematerialise,
  },
  { name: 'split_sinkhorn', why: 'late: an iteration is known to no law', run: splitSinkhorn },
  { name: 'dead', why: 'last: what the others left behind', run: dead },
]

export const passes: readonly Pass[] = [...earlyPasses, ...latePasses]

/** A pass made a graph that is none. Our mistake, never the user's. */
export class PassError extends Error {
  override readonly name = 'PassError'
  readonly pass: string
  readonly before: string
  readonly after: string

  constructor(pass: string, complaints: readonly string[], before: Graph, after: Graph) {
    super(`the pass ${pass} broke the graph: ${complaints.join('; ')}`)
    this.pass = pass
    this.before = print(before)
    this.after = print(after)
  }
}

function runVerified({ name, run }: Pass, graph: Graph, options: PassOptions): Graph {
  const after = run(graph, options)
  // a pass that found nothing to do gives back what it was given
  if (after === graph) return after
  const complaints = verify(after, specOf('optimised'))
  if (complaints.length > 0) throw new PassError(name, complaints, graph, after)
  return after
}

export interface Optimised {
  readonly graph: Graph
  /** The graph after each pass, in order. */
  readonly trace: readonly { readonly pass: string; readonly graph: Graph }[]
}

/** Runs the passes over a graph that `verify` accepts; a PassError names one that breaks it. */
export function optimise(graph: Graph, options: PassOptions, list: readonly Pass[] = passes): Optimised {
  const trace: { pass: string; graph: Graph }[] = []
  let current = graph
  for (const pass of list) {
    current = runVerified(pass, current, options)
    trace.push({ pass: pass.name, graph: current })
  }
  return { graph: current, trace }
}
