/**
 * Which sources are tested: each file that computes something is imported by a test, or by a file of its room that is; or it lies
 * in a folder with one entrance, and the tests of that entrance reach it.
 */
import { dirname, join } from 'node:path'
import ts from 'typescript'
import type { SourceFile } from './files.ts'
import type { Problem } from './problem.ts'

export interface Entrance {
  /** Or one file. */
  readonly folder: string
  /** Tests through which the files of the folder are tested. */
  readonly tests: readonly string[]
  /** Files that those tests run without importing them. */
  readonly runs?: readonly string[]
  readonly why: string
}

/** Folders whose files have no meaning of their own but through one entrance. */
export const ENTRANCES: readonly Entrance[] = [
  {
    folder: 'grammar',
    tests: ['test/grammar/parse.test.ts', 'test/grammar/print.test.ts'],
    why: 'rules of one parser, and of one printer',
  },
  {
    folder: 'plan/table.ts',
    tests: ['test/end-to-end/names.test.ts'],
    why: 'names of users as keys: every role has every odd name',
  },
  {
    folder: 'compiler/model',
    tests: ['test/model/errors.test.ts'],
    why: 'every rule has specs with its mistake, which are checked whole',
  },
  {
    folder: 'compiler/lower',
    tests: ['test/lower/policies.test.ts'],
    why: 'what a clause becomes is seen in the graph of a model',
  },
  { folder: 'compiler/ops/jacobi.ts', tests: ['test/ops/svd.test.ts'], why: 'the method of one op' },
  {
    folder: 'compiler/optimisers',
    tests: ['test/optimisers/update.test.ts'],
    why: 'each optimizer is a graph, compared with PyTorch',
  },
  {
    folder: 'compiler/kernel',
    tests: ['test/kernel/schedule.test.ts', 'test/compiler/compile.test.ts'],
    why: 'kernels are compared with the graph that they compute',
  },
  { folder: 'compiler/wgsl', tests: ['test/wgsl/kernels.test.ts'], why: 'the text of kernels is compared whole, and run' },
  {
    folder: 'compiler/wasm',
    tests: ['test/wasm/kernels.test.ts'],
    why: 'instructions are tested by running the kernels that they make up',
  },
  {
    folder: 'compiler/torch',
    tests: ['test/torch/model.test.ts', 'test/cli/export-torch.test.ts'],
    why: 'what a term becomes is seen in the module of a model',
  },
  { folder: 'compiler/bindings/script.ts', tests: ['test/cli/compile.test.ts'], why: 'bindings as compile writes them' },
  {
    folder: 'runtime/cpu',
    tests: ['test/runtime/cpu/device.test.ts'],
    why: 'a device is tested by running plans on it',
  },
  {
    folder: 'compiler/emit',
    tests: ['test/compiler/compile.test.ts', 'test/wgsl/kernels.test.ts'],
    why: 'the plan that the compiler makes',
  },
  {
    folder: 'runtime',
    tests: ['test/runtime/session.test.ts', 'test/runtime/dawn/open.test.ts', 'test/runtime/files/directory.test.ts'],
    why: 'steps of one session, on a device that records them',
  },
  {
    folder: 'compiler/scalar',
    tests: ['test/kernel/ir/parse.test.ts', 'test/kernel/ir/verify.test.ts'],
    why: 'expressions are printed, parsed and verified in kernels',
  },
  { folder: 'runtime/single-dispatch.ts', tests: ['test/cli/debug.test.ts'], why: 'what debug steps by' },
  { folder: 'runtime/checkpoint/copy.ts', tests: ['test/cli/reroute.test.ts'], why: 'what reroute copies' },
  {
    folder: 'training',
    tests: ['test/training/loop.test.ts', 'test/cli/run-weights.test.ts'],
    why: 'pieces of one loop, and what run reads of it',
  },
  {
    folder: 'cli',
    tests: ['test/cli/run.test.ts', 'test/cli/process.test.ts'],
    runs: ['cli/main.ts'],
    why: 'commands are tested as users run them, by their output',
  },
  {
    folder: 'cli/routing/page/client',
    tests: ['test/cli/routing/page.test.ts'],
    runs: ['cli/routing/page/client/main.ts'],
    why: 'the script of a page, tested in a browser',
  },
  {
    folder: 'cli/eval/page/client',
    tests: ['test/cli/eval/page.test.ts'],
    runs: ['cli/eval/page/client/main.ts'],
    why: 'the script of a page, tested in a browser',
  },
  {
    folder: 'cli/inspect/page/client',
    tests: ['test/inspect/page.test.ts'],
    runs: ['cli/inspect/page/client/main.ts'],
    why: 'the script of a page, tested in a browser',
  },
  {
    folder: 'cli/training/page/client',
    tests: ['test/cli/training/page.test.ts'],
    runs: ['cli/training/page/client/main.ts'],
    why: 'the script of a page, tested in a browser',
  },
  {
    folder: 'scripts',
    tests: [
      'test/scripts/demo.test.ts',
      'test/scripts/replay.test.ts',
      'test/scripts/run.test.ts',
      'test/scripts/style/style.test.ts',
    ],
    runs: ['scripts/demo.ts', 'scripts/fuzz.ts', 'scripts/replay/plans.ts', 'scripts/check-style.ts'],
    why: 'programs, tested by what they print, or by the modules that they call',
  },
  {
    folder: 'bench',
    tests: ['test/bench/peers/main.test.ts', 'test/bench/peers/large.test.ts'],
    runs: ['bench/peers/main.ts', 'bench/peers/serve.ts', 'bench/peers/attention.ts', 'bench/peers/large.ts'],
    why: 'one program, tested by what it writes; its libraries are installed by its runs alone',
  },
]

const ROOMS = ['grammar', 'plan', 'compiler', 'runtime', 'training', 'text', 'analysis', 'cli', 'scripts', 'bench']

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)
/** The test of a source's name: `test/ops/build.test.ts` of `compiler/ops/build.ts`. */
const testOf = (path: string): string => `test/${path.replace(/^compiler\//, '').replace(/\.ts$/, '')}.test.ts`
/** The folder of the map that a file stands in: `compiler/ops`, `plan`. */
const roomOf = (path: string): string => path.split('/', path.startsWith('compiler/') ? 2 : 1).join('/')

const importsOf = ({ path, text }: SourceFile): readonly string[] =>
  ts
    .preProcessFile(text)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => join(dirname(path), fileName).replaceAll('\\', '/'))

/** Whether a file has a function or a class: tables, types and re-exports need no test of their own. */
function computes({ path, text }: SourceFile): boolean {
  let found = false
  const visit = (node: ts.Node): void => {
    found ||=
      ts.isFunctionDeclaration(node) || ts.isArrowFunction(node) || ts.isClassDeclaration(node) || ts.isMethodDeclaration(node)
    if (!found) ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return found
}

/** All that files import, themselves and what those import included. */
function reachedFrom(starts: readonly string[], imports: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(starts)
  // a Set visits what is added to it meanwhile
  for (const path of reached) for (const next of imports.get(path) ?? []) reached.add(next)
  return reached
}

/** Sources that no test reaches as the rule asks, one problem each; and entrances whose tests are not there. */
export function untested(files: readonly SourceFile[], entrances: readonly Entrance[] = ENTRANCES): readonly Problem[] {
  const sources = files.filter(({ path }) => path.endsWith('.ts'))
  const imports = new Map(sources.map((file) => [file.path, importsOf(file)]))
  const tests = sources.filter(({ path }) => isBelow(path, 'test') && !isBelow(path, 'test/support'))
  const direct = new Set(tests.flatMap(({ path }) => imports.get(path)!))
  const beside = new Set([...direct].flatMap((path) => (imports.get(path) ?? []).filter((next) => roomOf(next) === roomOf(path))))
  const reached = entrances.map(({ folder, tests, runs = [] }) => ({ folder, paths: reachedFrom([...tests, ...runs], imports) }))
  const isTested = (path: string): boolean =>
    direct.has(path) ||
    beside.has(path) ||
    imports.has(testOf(path)) ||
    reached.some(({ folder, paths }) => isBelow(path, folder) && paths.has(path))
  const missing = entrances.flatMap(({ folder, tests, runs = [] }) =>
    [...tests, ...runs]
      .filter((path) => !imports.has(path))
      .map((path) => ({ path, line: 1, message: `is no file: it tests ${folder}` })),
  )
  return [
    ...missing,
    ...sources
      .filter((file) => ROOMS.some((room) => isBelow(file.path, room)) && computes(file) && !isTested(file.path))
      .map(({ path }) => ({ path, line: 1, message: 'no test imports it, or a file of its room that imports it' })),
  ]
}
