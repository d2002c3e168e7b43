import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { MARKS, TEST_RUNS, testRun } from './test/support/runs.ts'

const { pageAssets } = (await import(new URL('scripts/page.mjs', import.meta.url).href)) as {
  pageAssets: () => Promise<{ assets: string }>
}
const { assets } = await pageAssets()

/** Rooms in the order of their imports: a broken foundation is heard of first. */
const order = [
  'plan',
  'grammar',
  'graph',
  'scalar',
  'ops',
  'compiler',
  'model',
  'lower',
  'std',
  'autodiff',
  'passes',
  'reference',
  'optimisers',
  'kernel',
  'wgsl',
  'wasm',
  'emit',
  'bindings',
  'house',
  'docs',
  'training',
  'text',
  'analysis',
  'import',
  'reroute',
  'cli',
  'scripts',
  'runtime',
  'examples',
  'golden',
  'end-to-end',
]

const testFiles = readdirSync(new URL('test', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name.replaceAll('\\', '/')}`)

/** Whether the text of a test file has a word. */
const has =
  (word: RegExp) =>
  (file: string): boolean =>
    word.test(readFileSync(new URL(file, import.meta.url), 'utf8'))

const [isLong, isOnDevices, hasMore] = [has(MARKS.long), has(MARKS.devices), has(MARKS.more)]
/** The short run has all files but the long ones; the long run those, and of others the tests that have a tag. */
const files = testFiles.filter(
  testRun === 'short' ? (file) => !isLong(file) : (file) => isLong(file) || isOnDevices(file) || hasMore(file),
)

/**
 * Files that need a process of their own: their modules are replaced, their heap is measured, or a driver runs in it, which can
 * take the tests of others down. Others share a process and what it has imported, which takes longer than most tests.
 */
const ownProcess = has(/\bvi\.|support\/heap|\bopenAdapters\b|\bsoftwareAdapters\b|'swiftshader'|'software'/)
const isApart = (file: string): boolean => ownProcess(file) || (testRun !== 'short' && (isLong(file) || isOnDevices(file)))

/** What takes longer than half a minute of the long run, alone on a core, the longest first. `.ci/run` prints the slowest. */
const LONGEST = [
  'end-to-end/routings',
  'kernel/matmul/gradient-matmuls-on-device',
  'end-to-end/stopped',
  'kernel/svd/svd-kernel',
  'end-to-end/constraints',
  'end-to-end/package/webgpu',
  'wgsl/templates/matmul',
  'training/device-machine',
].map((name) => `/test/${name}.test.ts`)

const project = (name: string, include: readonly string[], isolate: boolean) => ({
  extends: true as const,
  test: { name, include: [...include], isolate },
})
const projects = [
  project(
    'together',
    files.filter((file) => !isApart(file)),
    false,
  ),
  project('apart', files.filter(isApart), true),
].filter(({ test }) => test.include.length > 0)

/** Files apart come last, and of these the long ones and those of the last rooms first: both workers are busy until the end. */
function place({ moduleId, project: { name } }: TestSpecification): number {
  const long = LONGEST.findIndex((file) => moduleId.endsWith(file))
  if (testRun !== 'short' && long >= 0) return order.length + 1 + long
  const at = order.indexOf(/\/test\/([^/]+)\//.exec(moduleId)?.[1] ?? '')
  const room = at < 0 ? order.length : at
  return name === 'together' ? room : 1000 - room
}

class FastFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return specifications.toSorted((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

const env: Record<string, string> = TEST_RUNS[testRun].optimisesShaders ? {} : { GALLIVM_PERF: 'nopt' }

export default defineConfig({
  // what a bundle of the program has embedded
  define: { PAGE_ASSETS: assets },
  test: {
    projects,
    tags: [
      { name: 'devices', description: 'Runs on each device of the run: see test/support/runs.ts.' },
      { name: 'more', description: 'Does more, or the other cases, in the long run.' },
      { name: 'long', description: 'Takes minutes: `npm run test:long` alone has it.' },
    ],
    ...(testRun === 'short' ? {} : { tagsFilter: ['devices || more || long'] }),
    env,
    pool: 'forks',
    maxWorkers: 2,
    // FUZZ_RUNS multiplies the samples of property tests
    testTimeout: 60_000 * Number(process.env.FUZZ_RUNS ?? 1),
    hookTimeout: 180_000,
    sequence: { sequencer: FastFirst },
  },
})
