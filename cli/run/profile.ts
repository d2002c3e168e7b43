/** The time of each kernel as a table: the same part of different layers together, in the order of the run. */
import type { DispatchTime } from '../../runtime/profile.ts'
import type { Inputs } from '../../runtime/dims.ts'
import type { Profile, Session } from '../../runtime/session.ts'
import { milliseconds, table } from '../output.ts'

export interface KernelTime {
  /** A label, the index of a layer left open. */
  readonly computes: string
  readonly template: string
  readonly dispatches: number
  readonly milliseconds: number
  /** Of the whole, 0..1. */
  readonly share: number
}

const alike = (label: string): string => label.replaceAll(/\.\d+(?=[/:. ])/g, '.*')

/** One row a part, in the order of first use. */
export function kernelTimes(steps: readonly DispatchTime[]): readonly KernelTime[] {
  const all = steps.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
  const rows = new Map<string, KernelTime>()
  for (const { label, template, nanoseconds } of steps) {
    const computes = alike(label)
    const key = `${computes}|${template}`
    const known = rows.get(key) ?? { computes, template, dispatches: 0, milliseconds: 0, share: 0 }
    rows.set(key, {
      ...known,
      dispatches: known.dispatches + 1,
      milliseconds: known.milliseconds + nanoseconds / 1e6,
      share: known.share + (all === 0 ? 0 : nanoseconds / all),
    })
  }
  return [...rows.values()]
}

const WIDEST = 64

const short = (words: string): string => (words.length <= WIDEST ? words : `${words.slice(0, WIDEST - 1)}…`)

export function profileTable(times: readonly KernelTime[]): string {
  const rows = times.map((time) => [
    short(time.computes),
    time.template,
    String(time.dispatches),
    milliseconds(time.milliseconds),
    `${(time.share * 100).toFixed(1)} %`,
  ])
  const total = times.reduce((sum, time) => sum + time.milliseconds, 0)
  const dispatches = times.reduce((sum, time) => sum + time.dispatches, 0)
  return table(
    [['computes', 'template', 'dispatches', 'ms', 'share'], ...rows, ['in all', '', String(dispatches), milliseconds(total), '']],
    '<<>>>',
  )
}

const total = ({ dispatches: steps }: Profile): number => steps.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)

/** The fastest of some runs: the first ones may wait for the driver's compiler. */
export async function fastestProfile(session: Session, inputs: Inputs, runs = 3): Promise<Profile> {
  let best = await session.profile(inputs)
  for (let run = 1; run < runs; run++) {
    const next = await session.profile(inputs)
    if (total(next) < total(best)) best = next
  }
  return best
}
