/** The short and the long run of the tests have every test between them: see test/support/runs.ts. */
import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MARKS } from '../support/runs.ts'

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => ({ name: `test/${name}`, text: readFileSync(`test/${name}`, 'utf8') }))

test('a file that asks for the devices of the run says which of its tests run on each, or the long run leaves them out', () => {
  const asks = files.filter(({ text }) => /\b(softwareDevices|softwareAdapters|openSoftware|openAdapters)\(\)/.test(text))
  expect(asks.length).toBeGreaterThan(20)
  expect(asks.filter(({ text }) => !MARKS.devices.test(text) && !MARKS.long.test(text)).map(({ name }) => name)).toEqual([])
})

test('a file that does more in the long run is taken by it', () => {
  const more = files.filter(({ text }) => /^import .*\b(inRun|shareOf)\b.*runs\.ts'/m.test(text))
  expect(more.filter(({ text }) => !MARKS.more.test(text)).map(({ name }) => name)).toEqual([])
})

test('CONTRIBUTING lists the files that the long run alone has, with the reason of each', () => {
  const page = readFileSync('CONTRIBUTING.md', 'utf8')
  const rows = [...page.matchAll(/^\| `(test\/[^`]+\.test\.ts)` \| (.+) \|$/gm)]
  const long = files.filter(({ text }) => MARKS.long.test(text)).map(({ name }) => name)
  expect(rows.map(([, name]) => name).sort()).toEqual(long.sort())
  for (const [, , why] of rows) expect(why.length).toBeGreaterThan(10)
})
