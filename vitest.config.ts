import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const { pageAssets } = (await import(new URL('scripts/page.mjs', import.meta.url).href)) as {
  pageAssets: () => Promise<{ assets: string }>
}
const { assets } = await pageAssets()

/** Rooms in the order of their imports, then what starts processes or a device: a broken foundation is heard of first. */
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

/** What takes minutes, the longest first, begins when the rest without a device is done: so that both workers end together. */
const long = [
  'end-to-end/routings',
  'end-to-end/package',
  'golden/gradients',
  'cli/outputs',
  'end-to-end/killed',
  'kernel/sinkhorn',
  'training/device-machine',
  'end-to-end/device',
  'golden/device',
  'wgsl/templates/matmul',
]

function place({ moduleId }: TestSpecification): number {
  const slow = long.findIndex((name) => moduleId.includes(`/test/${name}`))
  if (slow >= 0) return order.length + slow
  const at = order.indexOf(/\/test\/([^/]+)\//.exec(moduleId)?.[1] ?? '')
  return (at < 0 ? order.length : at) + (/device/.test(moduleId) ? 100 : 0)
}

class FastFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

/**
 * LLVM takes longer to optimise a kernel for lavapipe than the tests take to run it. The long run has the kernels as users have
 * them.
 */
const env: Record<string, string> = process.env.TEST_LONG === '1' ? {} : { GALLIVM_PERF: 'nopt' }

export default defineConfig({
  // what a bundle of the program has embedded
  define: { PAGE_ASSETS: assets },
  test: {
    include: ['test/**/*.test.ts'],
    env,
    // processes: a device of one test file cannot take another's down
    pool: 'forks',
    maxWorkers: 2,
    // FUZZ_RUNS multiplies the samples of property tests
    testTimeout: 60_000 * Number(process.env.FUZZ_RUNS ?? 1),
    hookTimeout: 180_000,
    sequence: { sequencer: FastFirst },
  },
})
