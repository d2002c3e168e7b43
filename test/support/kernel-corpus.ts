/**
 * The kernels of the repository's specs: examples, checkpoints, policies and golden layers, with all programs of their training.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compile, compileGraph, type CompiledProgram } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { trainingGraphs, type TrainingGraphs } from '../../compiler/train.ts'
import type { Source } from '../../grammar/source.ts'
import type { Target } from '../../plan/target.ts'
import { specsOf, type Spec } from '../../scripts/replay/specs.ts'

const root = join(import.meta.dirname, '../..')

const load = (path: string, from: Source): Source | null => {
  const name = `${path.startsWith('std/') ? path : join(dirname(from.path), path)}.smoe`
  return existsSync(join(root, name)) ? { path: name, text: readFileSync(join(root, name), 'utf8') } : null
}

export const specs: readonly Spec[] = specsOf(root)

const kernelsIn = (programs: readonly CompiledProgram[]): readonly KernelProgram[] =>
  programs.flatMap(({ schedule }) => schedule.kernels)

/** Every graph that a run of training compiles. */
function graphsOf(graphs: ReturnType<TrainingGraphs['forTarget']>): readonly Graph[] {
  const competing = graphs.recipe.layers.flatMap(({ layer, competition }) => (competition === null ? [] : [layer]))
  return [
    graphs.step([], true),
    graphs.step([], false),
    ...(competing.length === 0 ? [] : [graphs.step(competing, true)]),
    graphs.update(),
    graphs.evaluation(),
    ...(graphs.recipe.precision === 'mixed' ? [graphs.f16Copies()] : []),
  ].map((graph) => graph as Graph)
}

function trainingKernels(model: Model, target: Target): readonly KernelProgram[] {
  const shared = { weights: 'shared' } as const
  if (model.train !== null)
    return (['f32', 'mixed'] as const)
      .flatMap((precision) => graphsOf(trainingGraphs(model, { precision })!.forTarget(target)))
      .flatMap((graph) => kernelsIn(compileGraph(graph, target, shared).programs))
  const forward = lower(model, { training: true, routes: true })
  const hasLosses = forward.outputs.some(({ role }) => role?.kind === 'loss')
  return hasLosses ? kernelsIn(compileGraph(differentiate(forward), target).programs) : []
}

/** All kernels of a spec, those of its training included, each text once; `seen` has the texts of kernels before. */
export function kernelsOf({ source }: Spec, target: Target, seen = new Map<string, KernelProgram>()): readonly KernelProgram[] {
  const { programs, model } = compile(source, { load, target })
  const all = [...kernelsIn(programs), ...(model === null ? [] : trainingKernels(model, target))]
  return all.filter((kernel) => {
    const text = printKernel(kernel)
    if (seen.has(text)) return false
    seen.set(text, kernel)
    return true
  })
}
