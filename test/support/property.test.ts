import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { FAILED_SEEDS } from './failed-seeds.ts'
import { assertProperty, replayCommand } from './property.ts'
import { testRun } from './runs.ts'

const file = 'test/support/property.test.ts'
const numbers = fc.nat(1_000_000)

afterEach(() => vi.unstubAllEnvs())

/** What a call draws, in order. */
function drawn(...[count, options]: [count?: number, options?: Parameters<typeof assertProperty>[2]]): readonly number[] {
  const all: number[] = []
  assertProperty(
    fc.property(numbers, (value) => void all.push(value)),
    count,
    options,
  )
  return all
}

function failureOf(work: () => void): string {
  try {
    work()
  } catch (problem) {
    return (problem as Error).message
  }
  return 'nothing failed'
}

const failure = (): string =>
  failureOf(() =>
    assertProperty(
      fc.property(numbers, (value) => value < 500_000),
      1000,
    ),
  )

test('a failure prints the command line that draws its sample again', () => {
  const message = failure()
  const [, seed, sample] =
    /replay: FUZZ_SEED=(-?\d+) FUZZ_SAMPLE=(\d+) npx vitest run (?:\S+) -t '\^a failure prints/.exec(message) ?? []
  expect(message).toMatch(/Counterexample: \[500000\]/)
  expect(message).toContain(file)
  vi.stubEnv('FUZZ_SEED', seed)
  vi.stubEnv('FUZZ_SAMPLE', sample)
  expect(drawn()).toHaveLength(1)
  expect(drawn()[0]).toBeGreaterThanOrEqual(500_000)
  expect(failure()).toMatch(/failed after 1 tests/)
})

test('an asynchronous failure, too', async () => {
  const failing = assertProperty(
    fc.asyncProperty(numbers, async (value) => Promise.resolve(value < 500_000)),
    1000,
    { endOnFailure: true },
  )
  await expect(failing).rejects.toThrow(/replay: FUZZ_SEED=/)
})

test('FUZZ_SEED draws the same samples', () => {
  vi.stubEnv('FUZZ_SEED', '17')
  expect(drawn(5)).toEqual(drawn(5))
  vi.stubEnv('FUZZ_SEED', '18')
  const other = drawn(5)
  vi.stubEnv('FUZZ_SEED', '17')
  expect(drawn(5)).not.toEqual(other)
})

test('a seed that is no number is refused', () => {
  vi.stubEnv('FUZZ_SEED', 'x')
  expect(() => drawn(5)).toThrow("FUZZ_SEED is 'x', which is not a whole number")
})

test('seeds that failed once are drawn first', () => {
  vi.stubEnv('FUZZ_SEED', '17')
  const [, , third] = drawn(5)
  vi.unstubAllEnvs()
  const once = { file, seed: 17, sample: 2, found: 'nothing: planted' }
  const failed = [
    { ...once, name: 'are drawn first' },
    { ...once, name: 'of another test', sample: 3 },
  ]
  const all = drawn(5, { failed })
  expect(all).toHaveLength(6)
  expect(all[0]).toBe(third)
})

test('FUZZ_RUNS multiplies the samples', async () => {
  vi.stubEnv('FUZZ_RUNS', '3')
  vi.resetModules()
  const { assertProperty, fuzzRuns, fuzzTimeout } = await import('./property.ts')
  expect([fuzzRuns(150), fuzzTimeout(1000)]).toEqual([450, 3000])
  let count = 0
  assertProperty(
    fc.property(numbers, () => void count++),
    5,
  )
  expect(count).toBe(15)
})

test('a name is quoted for the shell and for a regular expression', () => {
  expect(replayCommand({ file: 'test/a.test.ts', name: "rooms > it's x > 1 (all)" }, 5, 3)).toBe(
    `${testRun === 'short' ? '' : `TEST_RUN=${testRun} `}FUZZ_SEED=5 FUZZ_SAMPLE=3 npx vitest run test/a.test.ts -t '^rooms (> )?it'\\''s x (> )?1 \\(all\\)$'`,
  )
})

test('the seeds that failed once name tests that are there', async () => {
  const { existsSync, readFileSync } = await import('node:fs')
  for (const { file, name } of FAILED_SEEDS) {
    expect(existsSync(file), file).toBe(true)
    expect(readFileSync(file, 'utf8'), `${file} has a test '${name}'`).toContain(name)
  }
})
