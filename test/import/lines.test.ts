/** A reader takes in an imported spec at a glance: it has at most sixty lines, whatever the architecture. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { root } from '../support/sources.ts'
import { published, publishedExperts } from './published.ts'

const MOST_LINES = 60

const folder = join(root, 'test/import/golden')
const golden = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')])

const specs = [
  ...Object.entries(published),
  ...Object.entries(publishedExperts).map(([name, { config }]) => [name, config] as const),
].map(([name, config]) => {
  const imported = importModel(config)
  return [name, imported.kind === 'spec' ? imported.spec : imported.message]
})

test('every type has a spec that is kept', () => {
  const names = golden.map(([name]) => name)
  for (const type of supportedModelTypes) expect(names).toContain(`${type}.smoe`)
})

test.each([...golden, ...specs])('%s', (_, text) => {
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(MOST_LINES)
})
