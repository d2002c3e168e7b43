/**
 * The programs of training, from one model: a training step for each set of competing layers, the optimizer update, and an
 * evaluation step.
 */
import type { Diagnostic } from '../grammar/diagnostic.ts'
import { parse } from '../grammar/parse.ts'
import { maximumDiagnostics } from '../grammar/report.ts'
import type { Source, Span } from '../grammar/source.ts'
import { callable, checkArgument, checked, object, optional, text } from '../plan/arguments.ts'
import { CHECKING, RECIPE, SPEC, TARGET } from '../plan/forms.ts'
import type { Plan } from '../plan/plan.ts'
import { competitionStepsOf } from '../plan/recipe.ts'
import { fusesAttention, type Target } from '../plan/target.ts'
import type { TrainingPrograms } from '../plan/training-programs.ts'
import { updateUnbucketed, trainableWeights, SCALE_INPUT } from '../plan/update.ts'
import { differentiate, GradientError } from './autodiff/differentiate.ts'
import { autocast, readByMatmuls } from './autodiff/autocast.ts'
import { compileGraph } from './compile.ts'
import type { Graph } from './graph/node.ts'
import { refusalOf } from './kernel/refusal.ts'
import { lower, routersOf, trainingVariants, type LowerOptions } from './lower/lower.ts'
import { check, type CheckOptions } from './model/check.ts'
import type { Model } from './model/model.ts'
import { accumulateGradients } from './optimisers/gradient-accumulation.ts'
import { f16CopiesGraph, updateGraph } from './optimisers/update.ts'
import { storedFormats, withFrozenFormats, type FrozenFormats } from './frozen-formats.ts'
import { withFormatsByPath } from './passes/weight-formats.ts'
import { fuseAttention } from './passes/attention-fusion.ts'
import { recipeOf, type RecipeOverrides } from './recipe.ts'
import { zeroGradientWarnings } from './zero-gradient-warnings.ts'

export { zeroGradientWarnings } from './zero-gradient-warnings.ts'

/** The programs of a training run as graphs. */
export interface TrainingGraphs extends TrainingPrograms<Graph> {
  /** The `train` block in the spec: the place of a limit that nothing else in the spec asks for. */
  readonly place: Span | null
  /** The same programs, of the ops that the target has kernels for. */
  readonly forTarget: (target: Target) => TrainingPrograms<Graph>
}

/** Null where the model has no `train` block. */
export function trainingGraphs(model: Model, overrides: RecipeOverrides = {}, formats?: FrozenFormats): TrainingGraphs | null {
  checkArgument('trainingGraphs', 'model', model, object({ name: text }))
  checkArgument('trainingGraphs', 'overrides', overrides, object({}))
  const recipe = withFrozenFormats(recipeOf(model, overrides), model, formats)
  if (recipe === null) return null
  const by = trainableWeights(recipe).map(({ name }) => name)
  const { batch: sizes, precision } = recipe
  const excluded = routersOf(model)
  const f16Weights = precision === 'f32' ? new Set<string>() : weightsReadAsF16(model, by, excluded)
  const stored = storedFormats(recipe)
  const lowered = (options: LowerOptions): Graph => withFormatsByPath(lower(model, { ...options, routes: true, sizes }), stored)
  const gradients = (chosen: readonly string[], prepare: Prepare): Graph => {
    const forward = prepare(lowered({ training: chosen }))
    return precision === 'f32'
      ? differentiate(forward, { by })
      : autocast(differentiate(forward, { by, scale: SCALE_INPUT }), { weights: f16Weights, excluded })
  }
  const programs = (prepare: Prepare): TrainingPrograms<Graph> => ({
    recipe,
    f16Weights,
    step: (chosen, isFirst) => accumulateGradients(gradients(chosen, prepare), isFirst),
    update: (moved = updateUnbucketed(recipe, f16Weights)) => updateGraph(recipe, moved),
    f16Copies: (moved = updateUnbucketed(recipe, f16Weights)) => f16CopiesGraph(recipe, moved),
    evaluation: () => prepare(lowered({ evaluation: true })),
  })
  return {
    ...programs((graph) => graph),
    place: model.train?.origin.span ?? model.origin.span,
    forTarget: (target) => programs(fusesAttention(target) ? fuseAttention : (graph) => graph),
  }
}

/** What becomes of a graph before its gradients are taken. */
type Prepare = (graph: Graph) => Graph

/** The trainable weights that matmuls read in any variant of the training step. */
function weightsReadAsF16(model: Model, by: readonly string[], excluded: readonly string[]): ReadonlySet<string> {
  const read = trainingVariants(model).map((graph) => readByMatmuls(graph, excluded))
  return new Set(by.filter((name) => read.some((names) => names.has(name))))
}

/**
 * The programs of a training run as plans. Each compiles on demand, and throws a TrainingLimitError if the target is too small.
 */
export type TrainingPlans = TrainingPrograms<Plan>

/** The limits of the target are too small for a plan of training. */
export class TrainingLimitError extends Error {
  override readonly name = 'TrainingLimitError'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ message }) => message).join('; '))
    this.diagnostics = diagnostics
  }
}

/** Compiles a graph; all plans of a run share one weight layout. */
function planOf(graph: Graph, target: Target, place: Span | null): Plan {
  const { plan, diagnostics } = compileGraph(graph, target, { weights: 'shared' }, place)
  if (plan === null) throw new TrainingLimitError(diagnostics)
  return plan
}

const GRAPHS = object({
  recipe: RECIPE,
  f16Weights: object({ has: callable }),
  step: callable,
  update: callable,
  f16Copies: callable,
  evaluation: callable,
  forTarget: callable,
})

/** The plans of training graphs for a target. Each compiles on demand. */
export const trainingPlans = checked(
  'trainingPlans',
  { graphs: GRAPHS, target: TARGET },
  ({ place, forTarget }: TrainingGraphs, target: Target): TrainingPlans => {
    const { recipe, f16Weights, step, update, f16Copies, evaluation } = forTarget(target)
    return {
      recipe,
      f16Weights,
      step: (chosen, isFirst) => planOf(step(chosen, isFirst), target, place),
      update: (moved) => planOf(update(moved), target, place),
      f16Copies: (moved) => planOf(f16Copies(moved), target, place),
      evaluation: () => planOf(evaluation(), target, place),
    }
  },
)

export interface TrainingCompilation {
  readonly diagnostics: readonly Diagnostic[]
  readonly model: Model | null
  /** Null after an error, and where the model has no `train` block. */
  readonly graphs: TrainingGraphs | null
}

/** Compiles a source to its training graphs, without plans. Pure, as `compile` is. */
export function compileTraining(
  source: Source,
  options: CheckOptions & { readonly recipe?: RecipeOverrides; readonly formats?: FrozenFormats },
): TrainingCompilation {
  checkArgument('compileTraining', 'source', source, SPEC)
  checkArgument('compileTraining', 'options', options, object({ ...CHECKING, recipe: optional(object({})) }))
  const parsed = parse(source)
  const { model, diagnostics: found } = check(parsed.file, { ...options, most: maximumDiagnostics - parsed.diagnostics.length })
  const diagnostics = [...parsed.diagnostics, ...found]
  const ok = model !== null && diagnostics.every(({ severity }) => severity !== 'error')
  try {
    const graphs = ok ? trainingGraphs(model, options.recipe, options.formats) : null
    const refused = graphs === null ? null : gradientProblem(graphs)
    if (refused !== null) return { diagnostics: [...diagnostics, refused], model, graphs: null }
    return { diagnostics: graphs === null ? diagnostics : [...diagnostics, ...zeroGradientWarnings(model!)], model, graphs }
  } catch (problem) {
    return { diagnostics: [...diagnostics, refusalOf(problem, model?.train?.origin.span ?? null)], model, graphs: null }
  }
}

/** The first op without a gradient, in a step without competition or with all layers competing; null if there is none. */
function gradientProblem({ recipe, step }: TrainingGraphs): Diagnostic | null {
  const competing = recipe.layers.flatMap(competitionStepsOf).map(({ name }) => name)
  try {
    for (const chosen of competing.length === 0 ? [[]] : [[], competing]) step(chosen, true)
    return null
  } catch (problem) {
    if (!(problem instanceof GradientError) || problem.origin.span === null) throw problem
    return {
      code: 'SMOE7001',
      severity: 'error',
      message: problem.message,
      span: problem.origin.span,
      related: [],
      help: '`stop(...)` blocks the gradient of its argument',
      fix: null,
    }
  }
}
