/** The outputs of a checkpoint folder, imported, beside those that it has as a reference. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { importModel } from '../../cli/import/import.ts'
import type { Layout } from '../../cli/import/names/source.ts'
import { std } from '../../cli/std.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { parse } from '../../grammar/parse.ts'
import { relativeError } from '../../test/support/compare.ts'
import { readSafetensors } from '../../test/support/safetensors.ts'
import { weightsOf } from '../../test/support/weights.ts'

/** Parts of transformers compute in f32 whatever the weights are. */
const ACCURACY = 2e-6

export interface Line {
  readonly layout: Layout
  readonly verdict: 'right' | 'refused' | 'WRONG'
  readonly detail: string
}

/** Modules of the library alone, also from one another. */
function load(path: string, from: { readonly path: string }): { readonly path: string; readonly text: string } | null {
  const module = path.startsWith('std/') ? path : join(dirname(from.path), path)
  return Object.hasOwn(std, module) ? { path: `${module}.smoe`, text: std[module] } : null
}

function graphOf(text: string): Graph {
  const { file } = parse({ path: 'imported.smoe', text })
  const { model, diagnostics } = check(file, { load, set: {} })
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return lower(model)
}

function verdictOf(folder: string, file: string, layout: Layout): Line {
  const imported = importModel(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')), { layout })
  if (imported.kind !== 'spec') return { layout, verdict: 'refused', detail: imported.message.replaceAll('\n', '; ') }
  try {
    const graph = graphOf(imported.spec)
    const { input_ids: tokens, ...expected } = readSafetensors(join(folder, 'reference.safetensors'))
    const found = evaluate(graph, { inputs: { tokens }, weights: weightsOf(graph, readSafetensors(join(folder, file))) })
    // logits, or the hidden states of an encoder
    const [[output, { values }]] = Object.entries(expected)
    const error = relativeError(found[output].values, values)
    return { layout, verdict: error <= ACCURACY ? 'right' : 'WRONG', detail: error.toExponential(1) }
  } catch (problem) {
    return { layout, verdict: 'WRONG', detail: String(problem).split('\n').slice(0, 3).join('; ') }
  }
}

const FILES: Readonly<Record<Layout, string>> = { hub: 'model.safetensors', fused: 'fused.safetensors' }

/** A line for each layout that the folder has. */
export const linesOf = (folder: string): readonly Line[] =>
  (['hub', 'fused'] as const)
    .filter((layout) => existsSync(join(folder, FILES[layout])))
    .map((layout) => verdictOf(folder, FILES[layout], layout))
