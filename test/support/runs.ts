/**
 * The runs of the tests. `npm test` is the short run; `npm run test:long` has what the short run leaves out and repeats nothing;
 * `npm run test:whole` is the long run with every case on adapters and with kernels as users have them. TEST_RUN names them.
 */

interface TestRun {
  /** The devices of tests that run on every kind of device. */
  readonly devices: readonly SoftwareDevice[]
  /** The adapters of tests of shaders, and of the runtime over WebGPU. */
  readonly adapters: readonly SoftwareAdapter[]
  /** Adapters compile each kernel for up to seconds: of cases that the cpu device has all of, they have every n-th. */
  readonly everyNth: number
  /** LLVM takes longer to optimise a kernel for lavapipe than the tests take to run it. */
  readonly optimisesShaders: boolean
}

export type SoftwareAdapter = 'swiftshader' | 'lavapipe'
export type SoftwareDevice = 'cpu' | SoftwareAdapter
export type TestRunName = 'short' | 'long' | 'whole'

export const TEST_RUNS: Readonly<Record<TestRunName, TestRun>> = {
  short: { devices: ['cpu'], adapters: ['swiftshader'], everyNth: 3, optimisesShaders: false },
  long: { devices: ['swiftshader', 'lavapipe'], adapters: ['lavapipe'], everyNth: 5, optimisesShaders: false },
  whole: { devices: ['swiftshader', 'lavapipe'], adapters: ['lavapipe'], everyNth: 1, optimisesShaders: true },
}

function named(name: string): TestRunName {
  if (!Object.hasOwn(TEST_RUNS, name))
    throw new RangeError(`TEST_RUN is '${name}': one of ${Object.keys(TEST_RUNS).join(', ')} is expected`)
  return name as TestRunName
}

export const testRun: TestRunName = named(process.env.TEST_RUN ?? 'short')

/**
 * Options of a test, or of a group, that does the same on each device or adapter of the run. The long run takes these tests and
 * those of MORE_IN_LONG, and the files with the line `@module-tag long`, which the short run leaves out.
 */
export const ON_DEVICES = { tags: ['devices'] as string[] }

/** Options of a test that draws or does more in the long run, which takes it too. */
export const MORE_IN_LONG = { tags: ['more'] as string[] }

/** Options of a test that the long run alone takes: of a kind that the short run has quicker tests of. */
export const IN_LONG_ALONE = { tags: ['long'] as string[], skip: testRun === 'short' }

/** By what text of a test file its tests are in the long run: there alone, on the adapters, or with more samples and cases. */
export const MARKS = {
  long: /^ \* @module-tag long$/m,
  devices: /^ \* @module-tag devices$|^import .*\bON_DEVICES\b/m,
  more: /^import .*\b(MORE_IN_LONG|IN_LONG_ALONE)\b/m,
} as const

/** What the run has of a number: samples, kills, steps. */
export const inRun = <T>(values: Readonly<Record<TestRunName, T>>): T => values[testRun]

/** Of cases that cost seconds each, the short run has every n-th, and the long run the others. */
export const shareOf = <T>(cases: readonly T[], n: number): readonly T[] =>
  cases.filter((_, at) => (at % n === 0) === (testRun === 'short'))

/** The cases that run on a device: all on the cpu device, of adapters every n-th, from the first on. */
export const casesOn = <T>(device: string, cases: readonly T[]): readonly T[] =>
  device === 'cpu' ? cases : cases.filter((_, at) => at % TEST_RUNS[testRun].everyNth === 0)
