/** From a source to what the stages make of it, for tests that stand behind them. */
import { lower } from '../../compiler/lower/lower.ts'
import { check, type CheckOptions } from '../../compiler/model/check.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import { frame } from '../../grammar/frame.ts'
import { parse } from '../../grammar/parse.ts'
import type { Source } from '../../grammar/source.ts'
import { load } from './sources.ts'

export type Checked = Pick<ReturnType<typeof check>, 'model' | 'diagnostics'>

/** Everything said about a source, from its first letter to its last dimension. */
export function checkSource(source: Source, options: Partial<CheckOptions> = {}): Checked {
  const { file, diagnostics } = parse(source)
  if (diagnostics.length > 0) return { model: null, diagnostics }
  return check(file, { load, ...options })
}

export const framed = (diagnostics: readonly Diagnostic[]): string => diagnostics.map((diagnostic) => frame(diagnostic)).join('\n')

/** The graph of the model in a source that has no mistakes; throws with the frames where it has. */
export function graphOf(source: Source, options: Partial<CheckOptions> = {}): Graph {
  const { model, diagnostics } = checkSource(source, options)
  if (model === null || diagnostics.length > 0) throw new Error(`${source.path} does not compile\n${framed(diagnostics)}`)
  return lower(model)
}
