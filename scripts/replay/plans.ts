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
import { trainingGraphs, type TrainingGraphs } from '../../compiler/train.ts'
import type { Source } from '../../grammar/source.ts'
import type { Target } from '../../plan/target.ts'
import { profiles } from './profiles.ts'
import { specsOf, type Spec } from './specs.ts'

type Named = readonly [name: string, make: () => unknown]

const SHARED = { weights: 'shared' } as const

const loaderOf =
  (root: string) =>
  (path: string, from: Source): Source | null => {
    const name = `${path.startsWith('std/') ? path : join(dirname(from.path), path)}.smoe`
    return existsSync(join(root, name)) ? { path: name, text: readFileSync(join(root, name), 'utf8') } : null
  }

/** A plan, or the messages that stand in its place. */
const planOf = (graph: Graph, target: Target, layout?: typeof SHARED): unknown => {
  const { plan, diagnostics } = compileGraph(graph, target, layout)
  return plan ?? diagnostics.map(({ code, message }) => ({ code, message }))
}

/** The plans of a run of training, in one precision. */
function runOf(written: TrainingGraphs, target: Target): readonly Named[] {
  const graphs = written.forTarget(target)
  const competing = graphs.recipe.layers.flatMap(({ layer, competition }) => (competition === null ? [] : [layer]))
  const { precision } = graphs.recipe
  const steps: readonly Named[] = [
    ['first', () => graphs.step([], true)],
    ['later', () => graphs.step([], false)],
    ...(competing.length === 0 ? [] : [['contested', () => graphs.step(competing, true)] as const]),
    ['update', () => graphs.update()],
    ['evaluation', () => graphs.evaluation()],
    ...(precision === 'mixed' ? [['halves', () => graphs.f16Copies()] as const] : []),
  ]
  return steps.map(([name, graph]) => [`${precision}-${name}`, () => planOf(graph() as Graph, target, SHARED)])
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
