/** The plans that are measured: the layer alone, and with the gradients of its input, its router and its experts. */
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compile, compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { accumulateGradients } from '../../compiler/optimisers/gradient-accumulation.ts'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import { parse } from '../../grammar/parse.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import { EXIT, Failure } from '../exit.ts'
import { createLoader } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { DENSE_LAYER, INPUT, LAYER, LOSS, TRAINED_LAYER, type LayerSize } from './layer.ts'

const settings = ({ experts: E, k, width: D, hidden: F }: LayerSize): Readonly<Record<string, number>> => ({ E, k, D, F })

const failure = (diagnostics: readonly Diagnostic[]): Failure =>
  new Failure(EXIT.usage, diagnostics.map(({ message }) => message).join('; '))

export interface CompiledLayer {
  /** Before any pass. */
  readonly graph: Graph
  readonly plan: Plan
}

/** From `x` to `y`, f32 [T, d] for any T. */
export function compileForward(size: LayerSize, target: Target, terminal: Terminal): CompiledLayer {
  const { graph, plan, diagnostics } = compile(LAYER, { load: createLoader(terminal), set: settings(size), target })
  if (graph === null || plan === null) throw failure(diagnostics)
  return { graph, plan }
}

export const forwardPlan = (size: LayerSize, target: Target, terminal: Terminal): Plan =>
  compileForward(size, target, terminal).plan

/** From `x`, f32 [N, d], to `y` for any N: the products of the layer as those of one expert. */
export function densePlan({ width: D, hidden: F }: LayerSize, target: Target, terminal: Terminal): Plan {
  const { plan, diagnostics } = compile(DENSE_LAYER, { load: createLoader(terminal), set: { D, F }, target })
  if (plan === null) throw failure(diagnostics)
  return plan
}

/**
 * From `x` and `dy`, the gradient at `y`, to `y` and the gradients: that of `x` is an output, those of the weights stay on the
 * device, where an update would read them, as after the first micro-batch of a step.
 */
export function trainingPlan(size: LayerSize, tokens: number, target: Target, terminal: Terminal): Plan {
  const { model, diagnostics } = check(parse(TRAINED_LAYER).file, {
    load: createLoader(terminal),
    set: { ...settings(size), T: tokens },
  })
  if (model === null) throw failure(diagnostics)
  const graph = lower(model)
  const weights = nodesOf(graph).flatMap((node) => (isOp(node, 'weight') ? [node.params.name] : []))
  const learned = differentiate(graph, { losses: [LOSS], by: [INPUT, ...weights] })
  const kept = accumulateGradients({ ...learned, outputs: learned.outputs.filter(({ name }) => name !== LOSS) }, true)
  const outputs = kept.outputs.map((output) =>
    output.role?.kind === 'gradient' && output.role.of === INPUT ? { ...output, replaces: undefined } : output,
  )
  const compiled = compileGraph({ ...kept, outputs }, target)
  if (compiled.plan === null) throw failure(compiled.diagnostics)
  return compiled.plan
}
