import { build, type BuildOptions, type Metafile } from 'esbuild'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const bundling = (await import(pathToFileURL(join(process.cwd(), 'scripts/bundle.mjs')).href)) as {
  readonly libraryOptions: (entries: Readonly<Record<string, string>>) => BuildOptions
  readonly stdFiles: () => readonly string[]
}

const importsOf = ({ outputs }: Metafile): readonly string[] =>
  Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path))

test('what a browser loads depends on nothing', async () => {
  const entries = { runtime: 'runtime/index.ts', browser: 'runtime/browser/index.ts' }
  const { metafile } = await build({ ...bundling.libraryOptions(entries), outdir: 'dist', write: false, metafile: true })
  expect(importsOf(metafile)).toEqual([])
})

test('the compiler runs wherever JavaScript does', async () => {
  const { metafile } = await build({ ...bundling.libraryOptions({ compiler: 'compiler/compile.ts' }), outdir: 'dist', write: false, metafile: true })
  expect(importsOf(metafile)).toEqual([])
})

test('the standard library is found', () => {
  expect(bundling.stdFiles()).toContain('std/policies/top_k.smoe')
})
