import { build, type BuildOptions, type Metafile } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const bundling = (await import(pathToFileURL(join(process.cwd(), 'scripts/bundle.mjs')).href)) as {
  readonly libraries: Readonly<Record<string, string>>
  readonly libraryOptions: (entries: Readonly<Record<string, string>>) => BuildOptions
  readonly stdFiles: () => readonly string[]
}

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

const importsOf = ({ outputs }: Metafile): readonly string[] =>
  Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path))

async function needs(...names: readonly string[]): Promise<readonly string[]> {
  const entries = Object.fromEntries(names.map((name) => [name, bundling.libraries[name]]))
  const { metafile } = await build({ ...bundling.libraryOptions(entries), outdir: 'dist', write: false, metafile: true })
  return importsOf(metafile)
}

test('what a browser loads depends on nothing, whether it runs or trains', async () => {
  expect(await needs('runtime', 'browser', 'training')).toEqual([])
})

test('the compiler runs wherever JavaScript does, that of training too', async () => {
  expect(await needs('compiler', 'compiler-training')).toEqual([])
})

test('files need Node and nothing else', async () => {
  expect((await needs('files', 'training-files')).filter((name) => !isBuiltin(name))).toEqual([])
})

test('every library is exported, with the types of its source', () => {
  const libraries = Object.entries(bundling.libraries).map(([name, source]) => ({
    types: `./dist/types/${source.replace(/\.ts$/, '.d.ts')}`,
    default: `./dist/${name}.js`,
  }))
  const exported = Object.entries(exports)
    .filter(([path]) => path !== './package.json' && path !== './std')
    .map(([, to]) => to)
  const order = (a: { readonly default: string }, b: { readonly default: string }): number => a.default.localeCompare(b.default)
  expect((exported as typeof libraries).toSorted(order)).toEqual(libraries.toSorted(order))
})

test('a program elsewhere imports each by its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
  try {
    const home = join(folder, 'node_modules/smoe')
    mkdirSync(home, { recursive: true })
    copyFileSync('package.json', join(home, 'package.json'))
    for (const name of ['ts-morph', 'webgpu'])
      symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name), 'dir')
    await build({ ...bundling.libraryOptions(bundling.libraries), outdir: join(home, 'dist') })
    const names = Object.keys(exports)
      .filter((path) => path !== './package.json' && path !== './std')
      .map((path) => path.replace('.', 'smoe'))
    const program = `const names = ${JSON.stringify(names)}
      const found = await Promise.all(names.map(async (name) => [name, Object.keys(await import(name))]))
      console.log(JSON.stringify(Object.fromEntries(found)))`
    writeFileSync(join(folder, 'program.mjs'), program)
    const found = JSON.parse(execFileSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' })) as Readonly<
      Record<string, readonly string[]>
    >
    expect(found['smoe/compiler/training']).toEqual(
      expect.arrayContaining(['compileTraining', 'trainingPlans', 'TrainingLimitError']),
    )
    expect(found['smoe/training']).toEqual(
      expect.arrayContaining(['train', 'createDeviceMachine', 'startTraining', 'textData', 'decodeSaved']),
    )
    expect(found['smoe/training/files']).toEqual(
      expect.arrayContaining(['readData', 'trainInto', 'resume', 'loadCheckpoint', 'saveCheckpoint']),
    )
    expect(Object.entries(found).filter(([, values]) => values.length === 0)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the standard library is found', () => {
  expect(bundling.stdFiles()).toContain('std/policies/top_k.smoe')
})
