/** What is said about a source, from its first letter to its last dimension. */
import { check, type Checked, type CheckOptions } from '../../compiler/model/check.ts'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import { frame } from '../../grammar/frame.ts'
import { parse } from '../../grammar/parse.ts'
import type { Source } from '../../grammar/source.ts'
import { load } from './sources.ts'

export function checkSource(source: Source, options: Partial<CheckOptions> = {}): Checked {
  const { file, diagnostics } = parse(source)
  return diagnostics.length > 0 ? { model: null, diagnostics } : check(file, { load, ...options })
}

export const framed = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map((diagnostic) => frame(diagnostic)).join('\n')
