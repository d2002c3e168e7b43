/** The program of the page on generation runs. */
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build, type BuildOptions } from 'esbuild'
import { expect, test } from 'vitest'
import { place } from '../cli/harness.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'
import { root } from '../support/sources.ts'

const { libraryOptions } = (await import(pathToFileURL(resolve('scripts/bundle.mjs')).href)) as {
  readonly libraryOptions: (entries: Readonly<Record<string, string>>) => BuildOptions
}

const [, program] = /^```ts\n([^]*?)^```/m.exec(readFileSync(join(root, 'docs/generation.md'), 'utf8')) ?? []

test('the program prints tokens, and the text of smoe generate', IN_LONG_ALONE, async () => {
  const { folder, smoe } = place({ 'program.ts': program })
  cpSync(join(root, 'test/fixtures/checkpoints/mixtral'), join(folder, 'mixtral'), { recursive: true, dereference: true })
  cpSync(join(root, 'test/fixtures/tokenizers/tiny.json'), join(folder, 'mixtral/tokenizer.json'))
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'dir')
  expect((await smoe('import', 'mixtral', '-o', 'mixtral.smoe')).code).toBe(0)
  const { code, err } = await smoe('compile', 'mixtral.smoe', '-o', 'out', '--target', 'cpu', '--context', '40')
  expect(code, err).toBe(0)
  const packages = ['runtime/node', 'runtime', 'generation'].map((name) => [`smoe/${name}`, resolve(`${name}/index.ts`)])
  await build({
    ...libraryOptions({ program: join(folder, 'program.ts') }),
    platform: 'node',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    alias: { ...Object.fromEntries(packages), 'smoe/runtime/files': resolve('runtime/checkpoint/files.ts') },
  })
  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: folder })
  const lines = stdout.split('\n')
  expect(
    lines.slice(0, 7).every((line) => /^\d+ -\d+\.\d+ null$/.test(line)),
    stdout,
  ).toBe(true)
  expect(lines[7]).toMatch(/^\d+ -\d+\.\d+ length$/)
  const { out } = await smoe('generate', 'mixtral', 'the router', '--max-tokens', '4', '--device', 'cpu')
  expect(`${lines[8]}\n`).toBe(out)
})
