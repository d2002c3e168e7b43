/**
 * `plans.js ROOT OUT [ONLY]`: compiles every spec of the repository at ROOT for each profile, and writes a file a plan into OUT.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compile, compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { TrainingLimitError, trainingGraphs, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Source } from '../../grammar/source.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import { profiles } from './profiles.ts'
import { specsOf, type Spec } from './specs.ts'

type Named = readonly [name: string, make: () => unknown]

const loaderOf =
  (root: string) =>
  (path: string, from: Source): Source | null => {
    const name = `${path.startsWith('std/') ? path : join(dirname(from.path), path)}.smoe`
    return existsSync(join(root, name)) ? { path: name, text: readFileSync(join(root, name), 'utf8') } : null
  }

/** A plan, or the messages that stand in its place. */
const planOf = (graph: Graph, target: Target): unknown => {
  const { plan, diagnostics } = compileGraph(graph, target)
  return plan ?? diagnostics.map(({ code, message }) => ({ code, message }))
}

/** A plan of training, or the messages that stand in its place. */
function planned(make: () => Plan): unknown {
  try {
    return make()
  } catch (problem) {
    if (problem instanceof TrainingLimitError) return problem.diagnostics.map(({ code, message }) => ({ code, message }))
    throw problem
  }
}

/** The plans of a run of training, in one precision. */
function runOf(graphs: TrainingGraphs, target: Target): readonly Named[] {
  const competing = graphs.recipe.layers.flatMap(({ layer, competition }) => (competition === null ? [] : [layer]))
  const { precision } = graphs.recipe
  const plans = trainingPlans(graphs, target)
  const steps: readonly (readonly [string, () => Plan])[] = [
    ['first', () => plans.step([], true)],
    ['later', () => plans.step([], false)],
    ...(competing.length === 0 ? [] : [['contested', () => plans.step(competing, true)] as const]),
    ['update', () => plans.update()],
    ['evaluation', () => plans.evaluation()],
    ...(precision === 'mixed' ? [['halves', () => plans.f16Copies()] as const] : []),
  ]
  return steps.map(([name, make]) => [`${precision}-${name}`, () => planned(make)])
}

function training(model: Model, target: Target): readonly Named[] {
  if (model.train !== null)
    return (['f32', 'mixed'] as const).flatMap((precision) => runOf(trainingGraphs(model, { precision })!, target))
  const forward = lower(model, { training: true, routes: true })
  // without a `train` block a step reports losses of policies alone, beside what the model declares
  const hasLosses = lower(model, { training: true }).outputs.length > model.outputs.length
  return hasLosses ? [['gradients', () => planOf(differentiate(forward), target)]] : []
}

function plansOf({ name, source }: Spec, target: Target, root: string): readonly Named[] {
  const { plan, model, diagnostics } = compile(source, { load: loaderOf(root), target })
  const inference: Named = ['run', () => plan ?? diagnostics.map(({ code, message }) => ({ code, message }))]
  return [inference, ...(model === null ? [] : training(model, target))].map(([kind, make]) => [
    `${name}@${target.name}/${kind}`,
    make,
  ])
}

function attempt(make: () => unknown): unknown {
  try {
    return make()
  } catch (problem) {
    return { fails: (problem as Error).message }
  }
}

const [root, out, only = ''] = process.argv.slice(2)
const wanted = specsOf(root).flatMap((spec) => profiles.map((target) => ({ spec, target })))
for (const { spec, target } of wanted.filter(({ spec, target }) => `${spec.name}@${target.name}`.includes(only))) {
  for (const [name, make] of plansOf(spec, target, root)) {
    const file = join(out, `${name.replaceAll(/[^\w.@/-]+/g, '-')}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(attempt(make)))
  }
}
