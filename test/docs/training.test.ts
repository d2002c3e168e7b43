import { build, type BuildOptions } from 'esbuild'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import type { TrainingEvent } from '../../training/events.ts'
import { bindingsOf, planOf } from '../bindings/tiny.ts'
import { typeErrors } from '../bindings/type-errors.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'

const { libraryOptions } = (await import(pathToFileURL(resolve('scripts/bundle.mjs')).href)) as {
  readonly libraryOptions: (entries: Readonly<Record<string, string>>) => BuildOptions
}

const page = readFileSync('docs/training.md', 'utf8')
const [, program] = /^```ts\n([\s\S]*?)^```$/m.exec(page)!

/** The example of the page, small. */
const source = {
  path: 'characters.smoe',
  text: readFileSync('examples/11-train-a-small-model.smoe', 'utf8')
    .replace('D: int = 48', 'D: int = 16')
    .replace('F: int = 48', 'F: int = 8')
    .replace('L: int = 2', 'L: int = 1')
    .replace('B = 8, S = 64', 'B = 2, S = 8')
    .replace('steps 500', 'steps 3'),
}

const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Complete by its type. */
const EVENTS: Readonly<Record<TrainingEvent['kind'], true>> = {
  start: true,
  step: true,
  validation: true,
  probe: true,
  checkpoint: true,
  end: true,
}

test('the page lists the events of a run', () => {
  const [, rows] = /^\| event \|.*\n\| --- .*\n((?:\|.*\n)+)/m.exec(page)!
  expect([...rows.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)).toEqual(Object.keys(EVENTS))
})

test('the program of the page compiles', () => {
  expect(typeErrors({ 'program.ts': program, 'out/characters.ts': bindingsOf(source) })).toEqual([])
}, 120_000)

test('and trains, and runs what it has learned', { ...IN_LONG_ALONE, timeout: 300_000 }, async () => {
  mkdirSync(join(folder, 'out'))
  const files = {
    'program.ts': program,
    'characters.smoe': source.text,
    'shakespeare.txt': 'To be, or not to be, that is the question. '.repeat(20),
    'out/characters.ts': bindingsOf(source),
    'out/plan.json': JSON.stringify(planOf(source)),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'dir')
  const alias = {
    'smoe/compiler/training': resolve('compiler/train.ts'),
    'smoe/runtime/node': resolve('runtime/node/index.ts'),
    'smoe/runtime': resolve('runtime/index.ts'),
    'smoe/std': resolve('cli/std.ts'),
    'smoe/training/files': resolve('training/files/index.ts'),
    'smoe/generation': resolve('generation/index.ts'),
    'smoe/training': resolve('training/index.ts'),
  }
  await build({
    ...libraryOptions({ program: join(folder, 'program.ts') }),
    platform: 'node',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    alias,
  })
  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: folder, maxBuffer: 2 ** 20 })
  const lines = stdout.trimEnd().split('\n')
  expect(lines.filter((line) => /^[123] \d+\.\d+ [\d.]+$/.test(line))).toHaveLength(3)
  expect(lines.filter((line) => /^validation \d+\.\d+$/.test(line)).length).toBeGreaterThanOrEqual(2)
  expect(lines.slice(-2)).toEqual(['[ 65, 16 ] 1040', '[ 1, 3, 65 ]'])
})
