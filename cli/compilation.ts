/** From the path of a spec to what the compiler makes of it. */
import { compile, type Compilation, type CompileOptions } from '../compiler/compile.ts'
import type { LowerOptions } from '../compiler/lower/lower.ts'
import { check } from '../compiler/model/check.ts'
import { zeroGradientWarnings } from '../compiler/train.ts'
import { parse } from '../grammar/parse.ts'
import { maximumDiagnostics } from '../grammar/report.ts'
import type { Source } from '../grammar/source.ts'
import type { Plan } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import { hasErrors, refuseErrors } from './diagnostics.ts'
import { EXIT, Failure } from './exit.ts'
import { createLoader, parseSettings, readSource } from './load.ts'
import type { Terminal } from './terminal.ts'

export interface SpecOptions {
  readonly set: readonly string[]
  readonly model?: string
  /** The root of imports; by default the directory of the spec. */
  readonly root?: string
}

export type CheckedSpec = Pick<Compilation, 'diagnostics' | 'file' | 'model'>

/** Parses and checks: no graph, no kernels. After a mistake the model is what could be read of it. */
export function checkSource(source: Source, { model: wanted, set, root }: SpecOptions, terminal: Terminal): CheckedSpec {
  const { file, diagnostics } = parse(source)
  const room = maximumDiagnostics - diagnostics.length
  const { model, diagnostics: found } = check(file, {
    load: createLoader(terminal, root),
    model: wanted,
    set: parseSettings(set),
    most: room,
  })
  return { diagnostics: [...diagnostics, ...found], file, model }
}

/** What is needed to find all mistakes, those of training too. */
export function checkAnyway(path: string, options: SpecOptions, terminal: Terminal): CheckedSpec {
  const checked = checkSource(readSource(path, terminal), options, terminal)
  const { diagnostics, model } = checked
  // after a mistake the model is not lowered
  if (model === null || hasErrors(diagnostics)) return checked
  return { ...checked, diagnostics: [...diagnostics, ...zeroGradientWarnings(model)] }
}

/** What callers add to the options of the compiler. */
export type AddedOptions = LowerOptions & Pick<CompileOptions, 'formats'>

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
  { model, set, root }: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions = {},
): Compilation => compile(source, { load: createLoader(terminal, root), model, set: parseSettings(set), target, ...added })

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
  if (plan !== null) return { ...compilation, plan }
  if (hasErrors(compilation.diagnostics)) throw new Error('a diagnostic should have ended this')
  throw new Failure(
    EXIT.usage,
    `'${source.path}' declares no model`,
    'only a model can be compiled; fns, blocks, experts and policies are checked by smoe check',
  )
}
