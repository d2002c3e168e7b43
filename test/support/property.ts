/**
 * Property tests: how many samples they draw, which seeds that failed before are drawn first, and the command line that replays a
 * failure.
 *
 * FUZZ_RUNS multiplies the number of samples, FUZZ_SEED fixes the seed, FUZZ_SAMPLE draws that one sample of the seed alone.
 */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FAILED_SEEDS, type FailedSeed } from './failed-seeds.ts'
import { testRun } from './runs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

function numberFrom(name: string): number | null {
  const text = process.env[name]
  if (text === undefined || text === '') return null
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${name} is '${text}', which is not a whole number`)
  return value
}

const factor = numberFrom('FUZZ_RUNS') ?? 1
if (factor < 1) throw new RangeError(`FUZZ_RUNS is ${factor}: a property needs at least its own number of samples`)

/** Samples that a property draws: its own number, multiplied by FUZZ_RUNS. */
export const fuzzRuns = (count: number): number => count * factor

/** The time limit in ms of a test whose samples FUZZ_RUNS multiplies. */
export const fuzzTimeout = (ms: number): number => ms * factor

/** FUZZ_SEED, or a seed of this run. */
export const fuzzSeed = (): number => numberFrom('FUZZ_SEED') ?? Math.floor(Math.random() * 2 ** 31)

/** The test that is running: its file from the root, and its name with those of the groups around it. */
interface Place {
  readonly file: string
  readonly name: string
}

function currentPlace(): Place {
  const { testPath, currentTestName } = expect.getState()
  return {
    file: relative(root, testPath ?? '').replaceAll('\\', '/'),
    name: currentTestName ?? '',
  }
}

/** As `vitest -t` takes a name: a regular expression over groups and test joined by blanks, in quotes of the shell. */
function namePattern(name: string): string {
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' > ', ' (> )?')
  return `'^${pattern.replaceAll("'", `'\\''`)}$'`
}

/** The command line that draws one sample again. */
export const replayCommand = ({ file, name }: Place, seed: number, sample: number | null): string =>
  `${testRun === 'short' ? '' : `TEST_RUN=${testRun} `}FUZZ_SEED=${seed}${sample === null ? '' : ` FUZZ_SAMPLE=${sample}`} npx vitest run ${file} -t ${namePattern(name)}`

/** What is drawn: a seed, and either one of its samples or the first `numRuns`. */
interface Draw {
  readonly seed: number
  readonly sample: number | null
  readonly numRuns: number
}

const drawOf = ({ seed, sample }: Pick<FailedSeed, 'seed' | 'sample'>): Draw => ({ seed, sample, numRuns: 1 })

function drawsOf({ file, name }: Place, count: number, failed: readonly FailedSeed[]): readonly Draw[] {
  const [seed, sample] = [numberFrom('FUZZ_SEED'), numberFrom('FUZZ_SAMPLE')]
  if (seed !== null && sample !== null) return [drawOf({ seed, sample })]
  const known = failed.filter((one) => one.file === file && name.includes(one.name))
  return [...known.map(drawOf), { seed: seed ?? fuzzSeed(), sample: null, numRuns: fuzzRuns(count) }]
}

export interface PropertyOptions {
  /** Whether the first counterexample is reported as it is: where each smaller one would compile kernels anew. */
  readonly endOnFailure?: boolean
  /** The seed of the new samples, where it also decides something outside of the property. */
  readonly seed?: number
  /** Seeds that failed before. */
  readonly failed?: readonly FailedSeed[]
}

function parametersOf<T>({ seed, sample, numRuns }: Draw, endOnFailure: boolean): fc.Parameters<T> {
  return { seed, numRuns, endOnFailure, ...(sample === null ? {} : { path: String(sample) }) }
}

function report<T>(details: fc.RunDetails<T>, place: Place): void {
  if (!details.failed) return
  const sample = details.counterexamplePath?.split(':')[0] ?? null
  const command = replayCommand(place, details.seed, sample === null ? null : Number(sample))
  throw new Error(`${fc.defaultReportMessage(details)}\n\nreplay: ${command}`, { cause: details.errorInstance })
}

/**
 * Draws `count` samples (times FUZZ_RUNS) of a property, after the seeds that once failed; throws the counterexample and how to
 * replay it. Every property test asserts by this function.
 */
export function assertProperty<T>(property: fc.IAsyncProperty<T>, count?: number, options?: PropertyOptions): Promise<void>
export function assertProperty<T>(property: fc.IProperty<T>, count?: number, options?: PropertyOptions): void
export function assertProperty<T>(
  property: fc.IRawProperty<T>,
  count = 100,
  { endOnFailure = false, seed, failed = FAILED_SEEDS }: PropertyOptions = {},
): Promise<void> | void {
  const place = currentPlace()
  const draws = drawsOf(place, count, failed).map((draw) =>
    draw.sample === null && seed !== undefined ? { ...draw, seed } : draw,
  )
  const check = (draw: Draw): fc.RunDetails<T> | Promise<fc.RunDetails<T>> =>
    fc.check(property, parametersOf<T>(draw, endOnFailure))
  if (!property.isAsync()) {
    for (const draw of draws) report(check(draw) as fc.RunDetails<T>, place)
    return
  }
  return (async () => {
    for (const draw of draws) report(await check(draw), place)
  })()
}
