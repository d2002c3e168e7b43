/** From the path of a spec to what the compiler makes of it. */
import { compile, compileFrom, compileToGraph, type Compilation, type CompileOptions } from '../compiler/compile.ts'
import type { Graph } from '../compiler/graph/node.ts'
import type { LowerOptions } from '../compiler/lower/lower.ts'
import type { Source } from '../grammar/source.ts'
import type { DimValues } from '../plan/dim.ts'
import type { Plan } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import type { SpecOptions } from './checking.ts'
import { hasErrors, refuseErrors } from './diagnostics.ts'
import { EXIT, Failure } from './exit.ts'
import { createLoader, parseSettings, readSource } from './load.ts'
import type { Terminal } from './terminal.ts'

/** What callers add to the options of the compiler. */
export type AddedOptions = LowerOptions & Pick<CompileOptions, 'formats' | 'last'>

/** Compiles without judging: the diagnostics are the caller's to show. */
export const compileAnyway = (
  path: string,
  options: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Compilation => compileSourceAnyway(readSource(path, terminal), options, target, terminal, added)

/** As `compileAnyway`, of a text that is at hand. */
export const compileSourceAnyway = (
  source: Source,
  options: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Compilation => compile(source, { ...compileOptions(options, terminal), target, ...added })

const compileOptions = ({ model, set, root }: SpecOptions, terminal: Terminal): Omit<CompileOptions, 'target'> => ({
  load: createLoader(terminal, root),
  model,
  set: parseSettings(set),
})

/** A spec that had to be right and to declare a model. */
export type Compiled = Compilation & { readonly plan: Plan }

/** Compiles a spec that has to be right and to declare a model; else shows why not and ends the command. */
export const compileSpec = (
  path: string,
  options: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Compiled => compileSource(readSource(path, terminal), options, target, terminal, added)

/** As `compileSpec`, of a text that is at hand. */
export function compileSource(
  source: Source,
  options: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Compiled {
  const compilation = compileSourceAnyway(source, options, target, terminal, added)
  refuseErrors(compilation.diagnostics, terminal)
  const { plan } = compilation
  if (plan === null) throw withoutModel(compilation)
  return { ...compilation, plan }
}

function withoutModel({ diagnostics, file }: Compilation): Error {
  if (hasErrors(diagnostics)) return new Error('a diagnostic should have ended this')
  return new Failure(
    EXIT.usage,
    `'${file.source.path}' declares no model`,
    'only a model can be compiled; fns, blocks, experts and policies are checked by smoe check',
  )
}

/** A spec on its way to a plan: what runs take is known before their kernels are made. */
export interface Lowered {
  readonly graph: Graph
  /** The plan for runs of any dims, or of these alone. */
  readonly compile: (dims?: DimValues) => Compiled
}

/** As `compileSource`, in two steps. */
export function lowerSource(
  source: Source,
  options: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Lowered {
  const reached = compileToGraph(source, { ...compileOptions(options, terminal), target, ...added })
  refuseErrors(reached.diagnostics, terminal)
  const { graph } = reached
  if (graph === null) throw withoutModel(reached)
  const compile = (dims?: DimValues): Compiled => {
    const compilation = compileFrom({ ...reached, diagnostics: [] }, graph, target, { dims })
    refuseErrors(compilation.diagnostics, terminal)
    return { ...compilation, plan: compilation.plan! }
  }
  return { graph, compile }
}
