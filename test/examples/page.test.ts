import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { CPU } from '../../plan/target.ts'
import { graphOf, planOf } from '../support/graph.ts'
import { read, root } from '../support/sources.ts'

const modulesIn = (text: string): readonly string[] => [...text.matchAll(/from ['"](smoe\/[^'"]+)['"]/g)].map(([, name]) => name)

test('the import map of the page has every module of the package that it and its bindings import', () => {
  const page = readFileSync(join(root, 'examples/programs/next-token.html'), 'utf8')
  const [, map] = /<script type="importmap">(.*?)<\/script>/s.exec(page)!
  const { imports } = JSON.parse(map) as { readonly imports: Readonly<Record<string, string>> }
  const bindings = generateBindings(planOf(graphOf(read(join(root, 'examples/04-mixtral.smoe'))), CPU))
  const wanted = [page, bindings].flatMap(modulesIn)
  expect(wanted).toContain('smoe/generation')
  expect(Object.keys(imports).sort()).toEqual([...new Set(wanted)].sort())
})
