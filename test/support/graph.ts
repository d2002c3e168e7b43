import { compileGraph } from '../../compiler/compile.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { CheckOptions } from '../../compiler/model/check.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { Source } from '../../grammar/source.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import { checkSource, framed } from './check.ts'

/** The graph of the model in a source that has no mistakes; throws with the frames where it has. */
export function graphOf(source: Source, options: Partial<CheckOptions> = {}): Graph {
  const { model, diagnostics } = checkSource(source, options)
  if (model === null || diagnostics.length > 0) throw new Error(`${source.path} does not compile\n${framed(diagnostics)}`)
  return lower(model)
}

/** The plan of a graph that a target can run; throws with the frames where it cannot. */
export function planOf(graph: Graph, target: Target): Plan {
  const { plan, diagnostics } = compileGraph(graph, target)
  if (plan === null) throw new Error(`${graph.name} cannot be run\n${framed(diagnostics)}`)
  return plan
}
