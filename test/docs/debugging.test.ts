/** The page on debugging: its commands and options exist, and what it prints is what the commands print. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { place } from '../cli/harness.ts'
import { sectionOf } from './fences.ts'

const page = readFileSync('docs/debugging.md', 'utf8')

test('every command of the page has the options that the page gives it', async () => {
  const { smoe } = place()
  const used = [...page.matchAll(/`smoe (\w+)([^`]*)`/g)].map(([, command, rest]) => ({
    command,
    options: [...rest.matchAll(/--[\w-]+/g)].map(([option]) => option),
  }))
  expect(new Set(used.map(({ command }) => command))).toEqual(new Set(['debug', 'run', 'train', 'explain', 'routing', 'doctor']))
  for (const { command, options } of used) {
    const { code, out } = await smoe(command, '--help')
    expect(code).toBe(0)
    for (const option of options) expect(out, `${command} ${option}`).toContain(option)
  }
  for (const command of ['run', 'train', 'debug']) expect((await smoe(command, '--help')).out).toContain('--dump')
})

test('the finding of the page is the one that a test expects of the command', () => {
  const [, finding] = /^```\n([\s\S]*?)^```$/m.exec(sectionOf(page, 'finding')!)!
  expect(readFileSync('test/cli/debug.test.ts', 'utf8')).toContain(finding)
})

test('every file that the page names exists', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, path]) => join('docs', path))
  const files = [...page.matchAll(/`((?:compiler|test)\/[\w/.-]+\.ts)`/g)].map(([, path]) => path)
  expect(links.length + files.length).toBeGreaterThan(3)
  for (const path of [...links, ...files]) expect(existsSync(path), path).toBe(true)
})
