// Runs a TypeScript entry point, bundling it first where a source is newer than its bundle: `node scripts/run.mjs ENTRY ARGS`.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { programOptions, root, stdFiles } from './bundle.mjs'
import { pageAssets } from './page.mjs'

const [entry, ...args] = process.argv.slice(2)
const out = join(root, '.cache/run', entry.replaceAll('/', '-').replace(/\.ts$/, ''))
const stampFile = join(out, 'stamp.json')
const main = join(out, 'main.js')

function modified(file) {
  try {
    return statSync(join(root, file)).mtimeMs
  } catch {
    return null
  }
}

const sha256 = (contents) => createHash('sha256').update(contents).digest('hex')

/**
 * Whether every source is as the last bundle saw it, the standard library has the same files, and the bundle holds what was
 * written.
 */
function isFresh() {
  try {
    const { sources, std, outputs } = JSON.parse(readFileSync(stampFile, 'utf8'))
    return (
      std === stdFiles().join() &&
      Object.entries(sources).every(([file, time]) => modified(file) === time) &&
      Object.entries(outputs).every(([file, sum]) => sha256(readFileSync(join(out, file))) === sum)
    )
  } catch {
    // there is none, or it is damaged
    return false
  }
}

function writeWhole(file, contents) {
  const draft = `${file}.${process.pid}`
  try {
    writeFileSync(draft, contents)
    renameSync(draft, file)
  } catch (problem) {
    rmSync(draft, { force: true })
    throw problem
  }
}

/** Chunks carry their hash in the name, so another process may still run from the older ones: those of the last hour stay. */
function removeOldChunks(current) {
  for (const file of readdirSync(out)) {
    const path = join(out, file)
    if (!current.has(file) && file !== 'stamp.json' && Date.now() - statSync(path).mtimeMs > 3_600_000)
      rmSync(path, { force: true })
  }
}

async function bundle() {
  const { build } = await import('esbuild')
  const page = await pageAssets()
  const options = programOptions({ main: entry }, page.assets)
  const before = Object.fromEntries(['scripts/bundle.mjs', ...page.sources, ...stdFiles()].map((file) => [file, modified(file)]))
  const { outputFiles, metafile } = await build({ ...options, outdir: out, write: false })
  const sources = Object.keys(metafile.inputs).filter((file) => !file.startsWith('node_modules/') && !file.includes(':'))
  mkdirSync(out, { recursive: true })
  const isMain = (file) => basename(file.path) === 'main.js'
  for (const file of [...outputFiles.filter((f) => !isMain(f)), ...outputFiles.filter(isMain)])
    writeWhole(file.path, file.contents)
  const times = { ...before, ...Object.fromEntries(sources.map((file) => [file, modified(file)])) }
  const sums = Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), sha256(contents)]))
  writeWhole(stampFile, JSON.stringify({ std: stdFiles().join(), sources: times, outputs: sums }))
  removeOldChunks(new Set(outputFiles.map((file) => basename(file.path))))
}

if (!isFresh()) {
  try {
    await bundle()
  } catch (problem) {
    process.stderr.write(`cannot build ${entry}: ${problem.message}\n`)
    process.exit(70)
  }
}
// npm runs scripts in the package's root; paths on the command line are meant from where npm was called
if (process.env.npm_lifecycle_event === 'smoe' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
process.argv = [process.argv[0], main, ...args]
await import(pathToFileURL(main).href)
