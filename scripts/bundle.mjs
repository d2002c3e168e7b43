// How TypeScript entry points become JavaScript: shared by `run.mjs` (a checkout) and `build.mjs` (the package).
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** What the package exports, but the standard library: file in dist/ -> where it begins. */
export const libraries = {
  compiler: 'compiler/compile.ts',
  'compiler-training': 'compiler/train.ts',
  bindings: 'compiler/bindings/generate.ts',
  runtime: 'runtime/index.ts',
  browser: 'runtime/browser/index.ts',
  node: 'runtime/node/index.ts',
  dawn: 'runtime/dawn/index.ts',
  files: 'runtime/checkpoint/files.ts',
  generation: 'generation/index.ts',
  training: 'training/index.ts',
  'training-files': 'training/files/index.ts',
}

/** Large, native or for development only: resolved where the bundle runs. */
const external = [
  'webgpu',
  '@huggingface/tokenizers',
  '@huggingface/jinja',
  'ts-morph',
  '@sparticuz/chromium',
  'esbuild',
  'typescript',
  'vitest',
  'node:*',
]

/** Paths of the standard library's files, relative to the root: `std/policies/top_k.smoe`. */
export const stdFiles = () =>
  readdirSync(join(root, 'std'), { recursive: true })
    .map((name) => `std/${String(name).replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.smoe'))
    .sort()

/** Module path -> text, embedded in place of `STD_FILES`: `std/policies/top_k`. */
export const embeddedStd = () =>
  JSON.stringify(
    Object.fromEntries(stdFiles().map((file) => [file.replace(/\.smoe$/, ''), readFileSync(join(root, file), 'utf8')])),
  )

/** Options of esbuild for entry points: name -> path relative to the root. What they share becomes chunks. */
const common = (entryPoints) => ({
  absWorkingDir: root,
  entryPoints,
  bundle: true,
  splitting: true,
  format: 'esm',
  external,
  define: { STD_FILES: embeddedStd() },
  metafile: true,
  logLevel: 'silent',
})

/** Commander loads the module that starts processes, for commands in files of their own, which this program has none of. */
const lazyChildProcess = {
  name: 'lazy-child-process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /node_modules.commander/.test(importer) ? { path: 'child_process', namespace: 'lazy' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'lazy' }, () => ({
      contents: "module.exports = { get spawn() { return require('node:child_process').spawn } }",
    }))
  },
}

/** Programs for Node; `assets` are those of `page.mjs`. */
export const programOptions = (entryPoints, assets) => ({
  ...common(entryPoints),
  define: { STD_FILES: embeddedStd(), PAGE_ASSETS: assets },
  plugins: [lazyChildProcess],
  platform: 'node',
  target: 'node20',
  // CommonJS dependencies inside an ES module
  banner: {
    js: "import { createRequire as smoeCreateRequire } from 'node:module'; const require = smoeCreateRequire(import.meta.url);",
  },
})

/**
 * The program of a package, as `cli/code-cache.ts` loads it: the text of one CommonJS file, for V8's code cache knows no other,
 * which imports packages by `importModule`. Its name changes with its contents.
 */
export async function cachedProgram(entry, { banner, ...options }) {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [entry],
    outdir: 'dist',
    write: false,
    splitting: false,
    format: 'cjs',
    define: { ...options.define, 'import.meta.url': 'programUrl' },
    banner: { js: "const programUrl = require('node:url').pathToFileURL(__filename).href;" },
  })
  const [{ imports }] = Object.values(metafile.outputs)
  const late = imports.filter(({ external, kind }) => external && kind === 'dynamic-import')
  const text = late.reduce((whole, { path }) => {
    const pieces = whole.split(`import("${path}")`)
    if (pieces.length < 2) throw new Error(`${path} is not imported as expected`)
    return pieces.join(`importModule("${path}")`)
  }, outputFiles[0].text)
  return { name: `program-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }
}

/** Libraries for Node and browsers. */
export const libraryOptions = (entryPoints) => ({
  ...common(entryPoints),
  platform: 'neutral',
  mainFields: ['module', 'main'],
  target: 'es2023',
})
