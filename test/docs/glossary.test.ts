/** The glossary names files and identifiers that are there. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/sources.ts'

const page = readFileSync(join(root, 'docs/glossary.md'), 'utf8')
const rows = page
  .split('## The field')[1]
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| term') && !line.startsWith('| ---'))

/** `group.ts` after `compiler/kernel/partition.ts` is beside it. */
function placesOf(cell: string): readonly string[] {
  const paths = [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path)
  return paths.map((path) => (path.includes('/') ? path : join(paths[0], '..', path)))
}

const textsOf = (place: string): string =>
  statSync(join(root, place)).isDirectory()
    ? readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${name}\n${readFileSync(join(root, place, name), 'utf8')}`)
        .join('\n')
    : readFileSync(join(root, place), 'utf8')

test('every place of the glossary is there', () => {
  for (const [, path] of page.matchAll(/`([\w-]+(?:\/[\w.-]+)+)`/g)) expect(existsSync(join(root, path)), path).toBe(true)
})

test.each(
  rows.map((row) =>
    row
      .split('|')
      .slice(1, 4)
      .map((cell) => cell.trim()),
  ),
)('%s: %s', (_, names, places) => {
  const text = placesOf(places)
    .map((place) => `${place}\n${textsOf(place)}`)
    .join('\n')
  for (const [, name] of names.matchAll(/`([\w.-]+)`/g)) expect(text, name).toContain(name)
})
