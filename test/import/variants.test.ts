/**
 * Configs in other layouts, with defaults and with options, of the checkpoints of the fixtures; logits of transformers 5.18 in
 * f64.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { relativeError } from '../support/compare.ts'
import { graphOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'

interface Variant {
  /** A folder of `checkpoints`. */
  readonly base: string
  readonly remove?: readonly string[]
  readonly change: Readonly<Record<string, unknown>>
}

const fixtures = join(root, 'test/fixtures')
const folder = join(fixtures, 'cases/import-variants')
const variants = JSON.parse(readFileSync(join(folder, 'variants.json'), 'utf8')) as Readonly<Record<string, Variant>>
const expected = readSafetensors(join(folder, 'variants.safetensors'))

test.each(Object.entries(variants).map(([name, variant], at) => [name, variant, expected[`${at}.logits`]] as const))(
  '%s',
  (name, { base, remove = [], change }, logits) => {
    const checkpoint = join(fixtures, 'checkpoints', base)
    const config = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8')) as Record<string, unknown>
    const imported = importModel({
      ...Object.fromEntries(Object.entries(config).filter(([field]) => !remove.includes(field))),
      ...change,
    })
    if (imported.kind !== 'spec') throw new Error(imported.message)
    expect(imported.notes.length).toBe(name.includes('in both') ? 1 : 0)
    const graph = graphOf({ path: 'imported.smoe', text: imported.spec })
    const { input_ids: tokens } = readSafetensors(join(checkpoint, 'reference.safetensors'))
    const found = evaluate(graph, {
      inputs: { tokens },
      weights: weightsOf(graph, readSafetensors(join(checkpoint, 'model.safetensors'))),
    })
    expect(relativeError(found.logits.values, logits.values)).toBeLessThanOrEqual(2e-6)
  },
)
