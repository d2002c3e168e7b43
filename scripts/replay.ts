/** `npm run replay -- --base REV`: the kernels and plans that differ between two revisions, over every spec of the repository. */
import { build } from 'esbuild'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { planDifferences } from './replay/compare.ts'
import { replayOptions, USAGE, type ReplayOptions } from './replay/options.ts'

const PROGRAM = 'scripts/replay'
const home = process.cwd()

/** The tree of a revision in a folder of its own, with the programs of this one that make plans. */
function checkOut(revision: string, folder: string): string {
  const tree = join(folder, revision)
  mkdirSync(tree)
  const archive = execFileSync('git', ['archive', revision], { cwd: home, maxBuffer: 2 ** 30 })
  execFileSync('tar', ['-x', '-C', tree], { input: archive })
  cpSync(join(home, PROGRAM), join(tree, PROGRAM), { recursive: true })
  symlinkSync(join(home, 'node_modules'), join(tree, 'node_modules'), 'dir')
  return tree
}

/** A file a plan, in the folder that is returned. */
async function plansOf(tree: string, out: string, only: string): Promise<string> {
  const program = join(out, 'plans.mjs')
  await build({
    absWorkingDir: tree,
    entryPoints: [`${PROGRAM}/plans.ts`],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outfile: program,
    logLevel: 'error',
    external: ['webgpu', 'ts-morph', 'esbuild', 'typescript'],
    banner: { js: "import { createRequire as smoeRequire } from 'node:module'; const require = smoeRequire(import.meta.url);" },
  })
  const plans = join(out, 'plans')
  mkdirSync(plans, { recursive: true })
  const { status } = spawnSync(process.execPath, [program, tree, plans, only], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`the plans of ${tree} could not be made`)
  return plans
}

const filesOf = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()

/** The number of plans that differ; each is shown. */
function compareFolders(
  before: string,
  after: string,
  options: ReplayOptions,
): { readonly all: number; readonly different: number } {
  const names = [...new Set([...filesOf(before), ...filesOf(after)])]
  const different = names.filter((name) => {
    const [a, b] = [before, after].map((folder) =>
      existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : null,
    )
    if (a === b) return false
    const found = a === null ? ['  is new'] : b === null ? ['  is gone'] : planDifferences(JSON.parse(a), JSON.parse(b), options)
    if (found.length > 0) process.stdout.write(`${name.replace(/\.json$/, '')}\n${found.join('\n')}\n`)
    return found.length > 0
  })
  return { all: names.length, different: different.length }
}

async function replay(options: ReplayOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-replay-'))
  const side = async (revision: string | null): Promise<string> => {
    const commit =
      revision === null
        ? null
        : execFileSync('git', ['rev-parse', '--verify', `${revision}^{commit}`], { cwd: home, encoding: 'utf8' }).trim()
    const out = join(folder, revision === null ? 'head' : `of-${commit}`)
    mkdirSync(out, { recursive: true })
    return plansOf(commit === null ? home : checkOut(commit, folder), out, options.only)
  }
  try {
    const { all, different } = compareFolders(await side(options.base), await side(options.head), options)
    process.stdout.write(`${different} of ${all} plans differ\n`)
    return different === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const options = replayOptions(process.argv.slice(2))
if (options === null) process.stderr.write(`a base is needed: ${USAGE}\n`)
process.exitCode = options !== null && (await replay(options)) ? 0 : options === null ? 2 : 1
