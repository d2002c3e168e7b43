/** From the path of a spec to its checked model: no graph, no kernels. */
import type { Compilation } from '../compiler/compile.ts'
import { check } from '../compiler/model/check.ts'
import { zeroGradientWarnings } from '../compiler/zero-gradient-warnings.ts'
import { parse } from '../grammar/parse.ts'
import { maximumDiagnostics } from '../grammar/report.ts'
import type { Source } from '../grammar/source.ts'
import { hasErrors } from './diagnostics.ts'
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
