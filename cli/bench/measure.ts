/** What the runs of one thing on one device come to. */
import type { Inputs } from '../../runtime/dims.ts'
import { bindDims } from '../../runtime/dims.ts'
import { estimate } from '../../runtime/memory.ts'
import type { Session } from '../../runtime/session.ts'
import { fastestProfile, kernelTimes, type KernelTime } from '../run/profile.ts'
import { spreadOf, type Spread } from './statistics.ts'
import type { Repeated, Rounds } from './turns.ts'

/** Milliseconds from handing over the inputs to having the outputs. */
export interface Timing extends Spread {
  readonly runs: number
  readonly best: number
}

export function timingOf(rounds: Rounds): Timing {
  const times = rounds.flat()
  return { runs: times.length, best: Math.min(...times), ...spreadOf(times) }
}

export interface Measurement extends Timing {
  readonly gflops: number
  /** Bytes that the plan sets aside for what lies between inputs and outputs. */
  readonly scratch: number
  /** Of the fastest profiled run; null where the adapter has no clock. */
  readonly kernels: readonly KernelTime[] | null
}

/** A plan that is run, and the operations of a run. */
export interface Case extends Repeated {
  readonly session: Session
  readonly inputs: Inputs
  readonly flops: number
}

export const caseOf = (session: Session, inputs: Inputs, flops: number): Case => ({
  session,
  inputs,
  flops,
  run: () => session.run(inputs),
})

export const hasClock = ({ session }: Pick<Case, 'session'>): boolean => session.device.features.has('timestamp-query')

export async function measure(one: Case, rounds: Rounds): Promise<Measurement> {
  const { session, inputs, flops } = one
  const kernels = hasClock(one) ? kernelTimes((await fastestProfile(session, inputs)).dispatches) : null
  const timing = timingOf(rounds)
  const { scratch } = estimate(session.plan, bindDims(session.plan, inputs))
  return { ...timing, gflops: flops / timing.best / 1e6, scratch, kernels }
}
