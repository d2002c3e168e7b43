/** The passes in order, each with the reason for its place. */
import type { Graph } from '../graph/node.ts'
import { print } from '../graph/print.ts'
import { verify } from '../graph/verify.ts'
import { specOf } from '../ops/spec.ts'
import { canonicalizeContractions } from './canonical-contractions.ts'
import { eliminateDeadCode } from './dead-code.ts'
import { removeStopGradients } from './stop-gradients.ts'
import { foldConstants } from './constant-folding.ts'
import { sortRowsByExpert, type ExpertSortOptions } from './expert-sorting.ts'
import { sortSegmentSums } from './segment-sum-sorting.ts'
import { rematerialize } from './rematerialization.ts'
import type { Fired } from './rewrite.ts'
import { eliminateCommonSubexpressions } from './common-subexpressions.ts'
import { simplifyAlgebra } from './algebraic-simplification.ts'
import { splitSinkhorn, type SplitOptions } from './sinkhorn-splitting.ts'
import { chooseWeightLayout, type LayoutOptions } from './weight-layout.ts'

export type PassOptions = ExpertSortOptions & SplitOptions & LayoutOptions

export interface Pass {
  readonly name: string
  readonly why: string
  readonly run: (graph: Graph, options: PassOptions, fired?: Fired) => Graph
}

/** Passes whose result does not depend on the program variant (decode or prefill). */
export const earlyPasses: readonly Pass[] = [
  {
    name: 'stop-gradients',
    why: 'first: stop_gradient hides its operand from every pattern',
    run: (graph, _, fired) => removeStopGradients(graph, fired),
  },
  {
    name: 'algebraic-simplification',
    why: 'before constant folding, so that a constant is folded before it is broadcast',
    run: (graph, _, fired) => simplifyAlgebra(graph, fired),
  },
  {
    name: 'constant-folding',
    why: 'leaves literals that the rewrite rules match',
    run: (graph, _, fired) => foldConstants(graph, fired),
  },
  {
    name: 'canonical-contractions',
    why: 'before the next simplification, which merges the transposes that this pass inserts',
    run: (graph, _, fired) => canonicalizeContractions(graph, fired),
  },
  {
    name: 'algebraic-simplification',
    why: 'again: constant folding and canonical contractions have exposed new matches',
    run: (graph, _, fired) => simplifyAlgebra(graph, fired),
  },
  { name: 'weight-layout', why: 'after all transposes of a weight have been merged', run: chooseWeightLayout },
  {
    name: 'common-subexpressions',
    why: 'before rows are sorted by expert, so that one routing is sorted once',
    run: (graph, _, fired) => eliminateCommonSubexpressions(graph, fired),
  },
]

/** Passes that depend on the program variant, and those that follow them. */
export const latePasses: readonly Pass[] = [
  {
    name: 'expert-sorting',
    why: 'late: no rewrite rule should match the ops of the sort',
    run: sortRowsByExpert,
  },
  {
    name: 'segment-sum-sorting',
    why: 'late, for the same reason: the sort keys are plain arithmetic, which rewrite rules would match',
    run: (graph, _, fired) => sortSegmentSums(graph, fired),
  },
  {
    name: 'rematerialization',
    why: 'after common subexpression elimination, which would merge recomputed values again; late, so that no rule moves ops across a barrier',
    run: (graph, _, fired) => rematerialize(graph, fired),
  },
  { name: 'sinkhorn-splitting', why: 'late: no rewrite rule knows a single Sinkhorn iteration', run: splitSinkhorn },
  { name: 'dead-code', why: 'last: removes what the other passes left unused', run: eliminateDeadCode },
]

export const passes: readonly Pass[] = [...earlyPasses, ...latePasses]

/** A pass produced a graph that the verifier rejects: a fault of the compiler, never of the user. */
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

export interface PassTrace {
  readonly pass: string
  /** The graph after the pass. */
  readonly graph: Graph
  /** Rewrite -> how often it fired, in the order in which each fired first. */
  readonly fired: Readonly<Record<string, number>>
}

export interface Optimised {
  readonly graph: Graph
  /** Each pass, in order. */
  readonly trace: readonly PassTrace[]
}

function traced(pass: Pass, graph: Graph, options: PassOptions): PassTrace {
  const fired: Record<string, number> = {}
  const count: Fired = (name) => (fired[name] = (fired[name] ?? 0) + 1)
  return { pass: pass.name, graph: pass.run(graph, options, count), fired }
}

/** Throws a PassError for the first pass whose graph the verifier rejects. */
function blame(graph: Graph, trace: readonly PassTrace[]): void {
  trace.forEach(({ pass, graph: after }, at) => {
    const complaints = verify(after, specOf('optimised'))
    if (complaints.length > 0) throw new PassError(pass, complaints, at === 0 ? graph : trace[at - 1].graph, after)
  })
}

/**
 * Runs the passes over a graph that `verify` accepts. The last graph is verified, and the others where it is rejected or a pass
 * throws: a PassError names the pass that broke the graph first.
 */
export function optimise(graph: Graph, options: PassOptions, list: readonly Pass[] = passes): Optimised {
  const trace: PassTrace[] = []
  try {
    for (const pass of list) trace.push(traced(pass, trace.at(-1)?.graph ?? graph, options))
  } catch (problem) {
    blame(graph, trace)
    throw problem
  }
  const last = trace.at(-1)?.graph ?? graph
  // passes that change nothing return the graph that they were given
  if (last !== graph && verify(last, specOf('optimised')).length > 0) blame(graph, trace)
  return { graph: last, trace }
}
