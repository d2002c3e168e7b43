/** Which sources have a test. */
import { expect, test } from 'vitest'
import { writtenFiles } from '../../../scripts/style/files.ts'
import { ENTRANCES, untested, type Entrance } from '../../../scripts/style/tested.ts'

const entrance: Entrance = { folder: 'cli/page', tests: ['test/cli/page.test.ts'], why: 'one script' }

const TREE: Readonly<Record<string, string>> = {
  'plan/tested.ts': "import { part } from './part.ts'\nexport const tested = () => part()",
  'plan/part.ts': "import { deeper } from './deeper.ts'\nexport const part = () => deeper()",
  'plan/deeper.ts': 'export const deeper = () => 1',
  'plan/named.ts': 'export const named = () => 1',
  'plan/types.ts': 'export interface Shape {}',
  'plan/table.ts': "export const table = ['a']",
  'cli/page/script.ts': 'export const script = () => 1',
  'cli/page/unused.ts': 'export const unused = () => 1',
  'test/plan/tested.test.ts': "import { tested } from '../../plan/tested.ts'",
  'test/plan/named.test.ts': "import '../support/all.ts'",
  'test/support/all.ts': "import { deeper } from '../../plan/deeper.ts'",
  'test/cli/page.test.ts': "import '../support/page.ts'",
  'test/support/page.ts': "import { script } from '../../cli/page/script.ts'",
}

const problemsIn = (tree: Readonly<Record<string, string>>, entrances: readonly Entrance[]): readonly string[] =>
  untested(
    Object.entries(tree).map(([path, text]) => ({ path, text })),
    entrances,
  ).map(({ path, message }) => `${path}: ${message}`)

test('a source needs a test that imports it, one of its name, a neighbour that has one, or the entrance of its folder', () => {
  expect(problemsIn(TREE, [entrance])).toEqual(
    ['plan/deeper.ts', 'cli/page/unused.ts'].map((path) => `${path}: no test imports it, or a file of its room that imports it`),
  )
})

test('an entrance whose test is gone is named', () => {
  expect(problemsIn({}, [entrance])).toEqual(['test/cli/page.test.ts: is no file: it tests cli/page'])
})

test('every source of this tree has one, and every entrance a reason', () => {
  expect(untested(writtenFiles(process.cwd()))).toEqual([])
  for (const { why } of ENTRANCES) expect(why).not.toBe('')
})
