/** Measures all runners in turns, so that what else the machine does meets them alike. */
import { setTimeout as wait } from 'node:timers/promises'
import { layerFlops, type LayerSize } from '../../cli/bench/layer.ts'
import { difference, TOLERANCE } from './difference.ts'
import { readResult } from './problem.ts'
import type { Reply } from './protocol.ts'
import type { Outcome } from './results.ts'
import type { RunnerProcess } from './runner-process.ts'

export interface MeasureOptions {
  readonly folder: string
  readonly size: LayerSize
  /** For each runner and number of tokens. */
  readonly seconds: number
}

/** Threads of the one before go to sleep meanwhile: milliseconds. Those of ONNX Runtime keep a core busy for 50 after a run. */
const PAUSE = 100
/** Engines compile again what runs often: milliseconds of runs before the first that counts. */
const WARM_UP = 1000
/** About what a turn takes, milliseconds. */
const TURN = 60
/** The first run of a turn wakes threads and fills caches. */
const UNTIMED = 1
const MOST_RUNS = 20
const FEWEST_ROUNDS = 5

type Refused = Exclude<Outcome, { kind: 'timed' }>

/** One that has the right result, and its milliseconds. */
interface Entry {
  readonly runner: RunnerProcess
  readonly error: number
  readonly times: number[]
  runs: number
  failure: string | null
}

const refusal = (reply: Reply): Refused =>
  reply.kind === 'absent' || reply.kind === 'failed' ? reply : { kind: 'failed', reason: `replied '${reply.kind}'` }

/** The result of one run against the reference: the error of a right one, or what is wrong. */
async function check(
  runner: RunnerProcess,
  tokens: number,
  expected: ArrayLike<number>,
  folder: string,
): Promise<number | Refused> {
  if (runner.opened.kind !== 'ready') return refusal(runner.opened)
  const reply = await runner.ask({ kind: 'check', tokens })
  if (reply.kind !== 'checked') return refusal(reply)
  const error = difference(readResult(folder, tokens), expected)
  return error <= TOLERANCE ? error : { kind: 'wrong', error }
}

async function turn(entry: Entry, tokens: number, runs: number): Promise<readonly number[]> {
  const reply = await entry.runner.ask({ kind: 'run', tokens, runs })
  if (reply.kind === 'ran') return reply.times
  entry.failure = 'reason' in reply ? reply.reason : `replied '${reply.kind}'`
  return []
}

async function warmUp(entry: Entry, tokens: number): Promise<void> {
  const begin = performance.now()
  let last = TURN
  while (entry.failure === null && performance.now() - begin < WARM_UP) last = Math.min(...(await turn(entry, tokens, 3)), last)
  entry.runs = 1 + Math.min(MOST_RUNS, Math.max(1, Math.floor(TURN / last)))
}

async function round(entries: readonly Entry[], tokens: number): Promise<void> {
  for (const entry of entries) {
    if (entry.failure !== null) continue
    await wait(PAUSE)
    entry.times.push(...(await turn(entry, tokens, UNTIMED + entry.runs)).slice(UNTIMED))
  }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]

function outcome({ error, times, failure }: Entry, flops: number): Outcome {
  if (failure !== null) return { kind: 'failed', reason: failure }
  const best = Math.min(...times)
  return { kind: 'timed', error, runs: times.length, best, median: median(times), gflops: flops / best / 1e6 }
}

/** One number of tokens: checks each runner, then times those that are right. Outcomes are in the order of the runners. */
export async function measure(
  runners: readonly RunnerProcess[],
  tokens: number,
  expected: ArrayLike<number>,
  { folder, size, seconds }: MeasureOptions,
): Promise<readonly Outcome[]> {
  const checked: (Entry | Refused)[] = []
  for (const runner of runners) {
    const error = await check(runner, tokens, expected, folder)
    checked.push(typeof error === 'number' ? { runner, error, times: [], runs: 1, failure: null } : error)
  }
  const entries = checked.filter((one) => 'runner' in one)
  for (const entry of entries) await warmUp(entry, tokens)
  const end = performance.now() + seconds * entries.length * 1000
  for (let count = 0; count < FEWEST_ROUNDS || performance.now() < end; count++) await round(entries, tokens)
  return checked.map((one) => ('runner' in one ? outcome(one, layerFlops(size, tokens)) : one))
}
