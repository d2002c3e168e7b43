/**
 * The graphs of training compiled for a target, with the graphs after each pass and the kernels: what `--dump` writes and `debug`
 * compares.
 */
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { TrainingLimitError, type TrainingGraphs } from '../../compiler/train.ts'
import { competitionStepsOf } from '../../plan/recipe.ts'
import type { Target } from '../../plan/target.ts'
import { bucketWeights } from '../../plan/update.ts'
import type { Dumped } from '../dump.ts'

/** Throws a TrainingLimitError where the target cannot do it. */
export function compileTrainingGraph(name: string, graph: Graph, { place }: TrainingGraphs, target: Target): Dumped {
  const { programs, plan, diagnostics } = compileGraph(graph, target, { weights: 'shared' }, place)
  if (plan === null) throw new TrainingLimitError(diagnostics)
  return { name, graph, programs, plan }
}

/**
 * Every plan that a run may need: a step alone, after others, and with all layers that compete; the update, in its parameter
 * buckets; the evaluation.
 */
export function compiledTraining(graphs: TrainingGraphs, target: Target): readonly Dumped[] {
  const { recipe, f16Weights } = graphs
  const competing = recipe.layers.flatMap(competitionStepsOf).map(({ name }) => name)
  const most = Math.floor(Math.min(target.maxBindingBytes, target.maxBufferBytes) / 4)
  const { updated } = bucketWeights(recipe, most, f16Weights)
  const all: readonly (readonly [string, Graph])[] = [
    ['step', graphs.step([], true)],
    ...(recipe.accumulate > 1 ? [['step-accumulating', graphs.step([], false)] as const] : []),
    ...(competing.length > 0 ? [['step-competing', graphs.step(competing, true)] as const] : []),
    ['update', graphs.update(updated)],
    ...(f16Weights.size > 0 ? [['f16-copies', graphs.f16Copies(updated)] as const] : []),
    ['evaluation', graphs.evaluation()],
  ]
  return all.map(([name, graph]) => compileTrainingGraph(name, graph, graphs, target))
}
