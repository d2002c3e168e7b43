import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { propertyTests } from '../../../scripts/fuzz/properties-run.ts'
import { root } from '../../support/sources.ts'

test('every test that draws samples is found, and those of a path alone', () => {
  const all = propertyTests(root, [])
  expect(all).toEqual(expect.arrayContaining(['test/kernel/schedule.test.ts', 'test/plan/dim.test.ts']))
  for (const file of all) expect(readFileSync(file, 'utf8'), file).toContain('property.ts')
  expect(propertyTests(root, ['plan/'])).toEqual(all.filter((file) => file.includes('plan/')))
})
