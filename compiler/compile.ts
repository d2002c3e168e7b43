/** The stages, in order. Pure: the same text, settings and target give the same plan, byte for byte. */
import { parse } from '../grammar/parse.ts'
import type { File } from '../grammar/ast.ts'
import type { Diagnostic } from '../grammar/diagnostic.ts'
import { maximumDiagnostics } from '../grammar/report.ts'
import type { Source, Span } from '../grammar/source.ts'
import { ArgumentError, checkArgument, type Form, list, object, optional, record, text, whole } from '../plan/arguments.ts'
import { CHECKING, SPEC, TARGET } from '../plan/forms.ts'
import type { DimValues } from '../plan/dim.ts'
import type { Plan } from '../plan/plan.ts'
import { firstThatHolds } from '../plan/when.ts'
import { fusesAttention, type Target } from '../plan/target.ts'
import { tilesFor } from '../plan/tiles.ts'
import type { Graph, Output } from './graph/node.ts'
import { refusalOf } from './kernel/refusal.ts'
import { planVariants, type PlannedProgram } from './kernel/variants.ts'
import { schedule, type Schedule } from './kernel/schedule.ts'
import { lower, maskedExpertProblems, type LowerOptions } from './lower/lower.ts'
import { mixedDiagnostic, mixedPositions } from './lower/positions-apart.ts'
import { check, type CheckOptions } from './model/check.ts'
import type { Model } from './model/model.ts'
import { fuseAttention } from './passes/attention-fusion.ts'
import { keepLastEntries, type LastEntries } from './passes/last-entries.ts'
import { earlyPasses, latePasses, optimise, type Optimised, type PassOptions, type PassTrace } from './passes/pipeline.ts'
import { splitLoadTimeConstants, withoutLoadTimeConstants } from './passes/load-time-constants.ts'
import { withWeightFormats, type WeightFormats } from './passes/weight-formats.ts'
import { sharesWeights, type LayoutOptions } from './passes/weight-layout.ts'
import { emitPlan } from './emit/plan.ts'
import { printKernels } from './emit/print-kernels.ts'

export interface CompileOptions extends Omit<CheckOptions, 'longest'>, LowerOptions {
  readonly target: Target
  /** How weights are stored; f32 unless given. */
  readonly formats?: WeightFormats
  /**
   * Outputs of which only the last entry along an axis is computed: they have size 1 there. `{ logits: 1 }`, or a choice among
   * the outputs of the graph.
   */
  readonly last?: LastEntries | ((outputs: readonly Output[]) => LastEntries)
}

export interface GraphOptions extends LayoutOptions {
  /**
   * The dims of all runs, by name: only the program that they choose is compiled. Runs of other dims are refused unless that
   * program is the one for any dims.
   */
  readonly dims?: DimValues
}

export interface CompiledProgram {
  readonly kind: 'once' | 'run'
  readonly name: string
  /** The graph that the passes begin with. */
  readonly source: Graph
  /** The graph after each pass, and the rewrites that fired in it. */
  readonly trace: readonly PassTrace[]
  /** The kernels, in the order of the program's steps in the plan. */
  readonly schedule: Schedule
  /** The kernels as a list for people. */
  readonly kernels: string
}

/** Each stage that was reached; null from the first one that found errors. */
export interface Compilation {
  readonly diagnostics: readonly Diagnostic[]
  readonly file: File
  readonly model: Model | null
  readonly graph: Graph | null
  readonly programs: readonly CompiledProgram[]
  readonly plan: Plan | null
}

/** The program that makes what is held, when weights are loaded. */
const ONCE = { kind: 'once', name: 'once', variant: 'prefill', when: null } as const

const LAST: Form = (value, path) => (typeof value === 'function' ? null : optional(record(whole))(value, path))

const MASKED = optional(record(list(whole)))

export function compile(source: Source, options: CompileOptions): Compilation {
  const reached = compileToGraph(source, options)
  const { graph } = reached
  return graph === null || hasErrors(reached) ? reached : compileFrom(reached, graph, options.target)
}

/** The stages after the language, of what `compileToGraph` reached without errors. */
export function compileFrom(reached: Compilation, graph: Graph, target: Target, options: GraphOptions = {}): Compilation {
  checkArgument('compileFrom', 'reached', reached, object({ diagnostics: list(object({})) }))
  const compiled = compileGraph(graph, target, options, reached.model?.origin.span ?? null)
  return { ...reached, ...compiled, diagnostics: [...reached.diagnostics, ...compiled.diagnostics] }
}

const hasErrors = ({ diagnostics }: Compilation): boolean => diagnostics.some(({ severity }) => severity === 'error')

/** The stages of the language: as `compile`, up to the graph, without programs and a plan. */
export function compileToGraph(source: Source, options: CompileOptions): Compilation {
  checkArgument('compile', 'source', source, SPEC)
  checkArgument('compile', 'options', options, object({ ...CHECKING, target: TARGET, last: LAST, maskedExperts: MASKED }))
  const parsed = parse(source)
  const most = maximumDiagnostics - parsed.diagnostics.length
  const checked = check(parsed.file, { ...options, longest: options.state?.longest, most })
  const diagnostics = [...parsed.diagnostics, ...checked.diagnostics]
  const { model } = checked
  const reached = { diagnostics, file: parsed.file, model, graph: null, programs: [], plan: null }
  if (model === null || diagnostics.some(({ severity }) => severity === 'error')) return reached

  const place = model.origin.span
  try {
    const problems = maskedExpertProblems(model, options)
    if (problems.length > 0) return { ...reached, diagnostics: [...diagnostics, ...problems] }
    const lowered = lower(model, options)
    const mixed = options.state === undefined ? null : mixedPositions(lowered, model.sequences.positions)
    if (mixed !== null)
      return { ...reached, graph: lowered, diagnostics: [...diagnostics, mixedDiagnostic(mixed, model.origin.span!)] }
    const stored = options.formats === undefined ? lowered : withWeightFormats(lowered, options.formats)
    // attention reads its operands as f32, and so has to know how weights lie
    const fused = fusesAttention(options.target) ? fuseAttention(stored) : stored
    const last = typeof options.last === 'function' ? options.last(fused.outputs) : options.last
    return { ...reached, graph: last === undefined ? fused : keepLastEntries(fused, last) }
  } catch (problem) {
    if (problem instanceof ArgumentError) throw problem
    return { ...reached, diagnostics: [...diagnostics, refusalOf(problem, place)] }
  }
}

/**
 * Everything after the language: passes, kernels and plan of a graph. What the target cannot do is a diagnostic. Weights that
 * other plans share lie as the model has them, and nothing is held of them. `place` is where a diagnostic stands that has no
 * place of its own, as in graphs that no line of a spec asks for.
 */
export function compileGraph(
  graph: Graph,
  target: Target,
  options: GraphOptions = {},
  place: Span | null = null,
): Pick<Compilation, 'programs' | 'plan' | 'diagnostics'> {
  checkArgument('compileGraph', 'graph', graph, object({ outputs: list(object({})), inputs: list(object({})), name: text }))
  checkArgument('compileGraph', 'target', target, TARGET)
  checkArgument('compileGraph', 'options', options, object({}))
  const { dims, ...layout } = options
  try {
    const scheduled = scheduleAll(programsOf(graph, target, layout, dims), target, layout)
    const plan = emitPlan(graph, scheduled, target)
    const emitted = plan.once === null ? plan.programs : [plan.once, ...plan.programs]
    const programs = scheduled.map(({ kind, name, source, trace, schedule }, at) => ({
      kind,
      name,
      source,
      trace,
      schedule,
      kernels: printKernels(plan, emitted[at], schedule.refused),
    }))
    return { programs, plan, diagnostics: [] }
  } catch (problem) {
    return { programs: [], plan: null, diagnostics: [refusalOf(problem, place)] }
  }
}

interface ProgramGraph extends PlannedProgram {
  readonly kind: 'once' | 'run'
  readonly graph: Graph
}

/** First what is made once from the weights, where anything is; then what runs, once for each variant of tokens. */
function programsOf(graph: Graph, target: Target, layout: LayoutOptions, dims: DimValues | undefined): readonly ProgramGraph[] {
  const { once, main } = sharesWeights(graph, layout)
    ? { once: null, main: withoutLoadTimeConstants(graph) }
    : splitLoadTimeConstants(graph)
  const variants = planVariants(main, target)
  const wanted = dims === undefined ? variants : variants.filter((variant) => variant === firstThatHolds(variants, dims))
  const runs = wanted.map((program) => ({ ...program, kind: 'run' as const, graph: main }))
  return once === null ? runs : [{ ...ONCE, graph: once }, ...runs]
}

/** The program with its kernels; `early` is what the first passes make of its graph. */
function toKernels(program: ProgramGraph, early: Optimised, target: Target, layout: LayoutOptions) {
  const late = optimise(early.graph, passOptions(program, target, layout), latePasses)
  const trace = [...early.trace, ...late.trace]
  return { ...program, source: program.graph, graph: late.graph, trace, schedule: schedule(late.graph, target, program.variant) }
}

function passOptions({ variant, when }: PlannedProgram, target: Target, layout: LayoutOptions): PassOptions {
  const { gate, expertRows, sinkhornEntries } = tilesFor(target)
  return { variant, when, block: gate.rows, tile: expertRows, reach: sinkhornEntries, ...layout }
}

/** Programs of one graph have the first passes in common. */
function scheduleAll(programs: readonly ProgramGraph[], target: Target, layout: LayoutOptions) {
  const early = new Map<Graph, Optimised>()
  return programs.map((program) => {
    const known = early.get(program.graph) ?? optimise(program.graph, passOptions(program, target, layout), earlyPasses)
    early.set(program.graph, known)
    return toKernels(program, known, target, layout)
  })
}
