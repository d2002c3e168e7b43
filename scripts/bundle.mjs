// How TypeScript entry points become JavaScript: shared by `run.mjs` (a checkout) and `build.mjs` (the package).
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Large, native or for development only: resolved where the bundle runs. */
const external = ['webgpu', 'ts-morph', '@sparticuz/chromium', 'esbuild', 'typescript', 'vitest']

/** Paths of the standard library's files, relative to the root: `std/policies/top_k.smoe`. */
export const stdFiles = () =>
  readdirSync(join(root, 'std'), { recursive: true })
    .map((name) => `std/${String(name).replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.smoe'))
    .sort()

/** Module path -> text, embedded in place of `STD_FILES`: `std/policies/top_k`. */
const embeddedStd = () =>
  JSON.stringify(Object.fromEntries(stdFiles().map((file) => [file.replace(/\.smoe$/, ''), readFileSync(join(root, file), 'utf8')])))

/** Options of esbuild for entry points: name -> path relative to the root. */
export const bundleOptions = (entryPoints, platform = 'node') => ({
  absWorkingDir: root,
  entryPoints,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform,
  target: platform === 'node' ? 'node20' : 'es2023',
  external: platform === 'node' ? external : [...external, 'node:*'],
  define: { STD_FILES: embeddedStd() },
  metafile: true,
  logLevel: 'silent',
  // CommonJS dependencies inside an ES module
  banner: platform === 'node'
    ? { js: "import { createRequire as smoeCreateRequire } from 'node:module'; const require = smoeCreateRequire(import.meta.url);" }
    : {},
})
