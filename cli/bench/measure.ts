/** How long runs take: side by side, so that what else the machine does meets them alike. */
import type { Inputs } from '../../runtime/dims.ts'
import { bindDims } from '../../runtime/dims.ts'
import { estimate } from '../../runtime/memory.ts'
import type { Session } from '../../runtime/session.ts'
import { fastestProfile, kernelTimes, type KernelTime } from '../run/profile.ts'

/** What is run over and over. */
export interface Repeated {
  readonly session: Session
  readonly inputs: Inputs
}

export interface Measurement {
  readonly runs: number
  /** From handing over the inputs to having the outputs, milliseconds. */
  readonly best: number
  readonly median: number
  readonly gflops: number
  /** Bytes that the plan sets aside for what lies between inputs and outputs. */
  readonly scratch: number
  /** Of the fastest profiled run; null where the adapter has no clock. */
  readonly kernels: readonly KernelTime[] | null
}

const WARM_UP = 2
const FEWEST_RUNS = 9

/** Milliseconds of each run, round by round: all in turns, each for about so many seconds and nine times at least. */
export async function alternate(
  all: readonly Repeated[],
  seconds: number,
  onRound: (part: number) => void,
): Promise<readonly (readonly number[])[]> {
  for (const { session, inputs } of all) for (let run = 0; run < WARM_UP; run++) await session.run(inputs)
  const times = all.map((): number[] => [])
  const begin = performance.now()
  const part = (): number => (performance.now() - begin) / (seconds * all.length * 1000)
  while (times[0].length < FEWEST_RUNS || part() < 1) {
    for (const [at, { session, inputs }] of all.entries()) {
      const start = performance.now()
      await session.run(inputs)
      times[at].push(performance.now() - start)
    }
    onRound(Math.min(1, part()))
  }
  return times
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** How many times as long the one takes as the other: the median over the rounds, in which both met the same machine. */
export const ratio = (times: readonly number[], others: readonly number[]): number =>
  median(times.map((time, round) => time / others[round]))

/** `flops` of one run. */
export async function measure({ session, inputs }: Repeated, times: readonly number[], flops: number): Promise<Measurement> {
  const hasClock = session.device.features.has('timestamp-query')
  const kernels = hasClock ? kernelTimes((await fastestProfile(session, inputs)).dispatches) : null
  const best = Math.min(...times)
  const { scratch } = estimate(session.plan, bindDims(session.plan, inputs))
  return { runs: times.length, best, median: median(times), gflops: flops / best / 1e6, scratch, kernels }
}
