/** From the path of a spec to what the compiler makes of it. */
import { compile, type Compilation } from '../compiler/compile.ts'
import type { Plan } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import { hasErrors, refuseErrors } from './diagnostics.ts'
import { EXIT, Failure } from './exit.ts'
import { createLoader, parseSettings, readSource } from './load.ts'
import type { Terminal } from './terminal.ts'

export interface SpecOptions {
  readonly set: readonly string[]
  readonly model?: string
}

/** Compiles without judging: the diagnostics are the caller's to show. */
export function compileAnyway(path: string, options: SpecOptions, target: Target, terminal: Terminal): Compilation {
  const { model, set } = options
  return compile(readSource(path, terminal), { load: createLoader(terminal), model, set: parseSettings(set), target })
}

/** Compiles a spec that has to be right and to declare a model; else shows why not and ends the command. */
export function compileSpec(path: string, options: SpecOptions, target: Target, terminal: Terminal): Compilation & { readonly plan: Plan } {
  const compilation = compileAnyway(path, options, target, terminal)
  refuseErrors(compilation.diagnostics, terminal)
  const { plan } = compilation
  if (plan !== null) return { ...compilation, plan }
  if (hasErrors(compilation.diagnostics)) throw new Error('a diagnostic should have ended this')
  throw new Failure(EXIT.usage, `'${path}' declares no model`, 'only a model can be compiled; fns, blocks, experts and policies are checked by smoe check')
}
