/** The time of each kernel as a table: steps of one kernel together, the slowest first or in the order of the run. */
import type { StepTime } from '../../runtime/profile.ts'
import { milliseconds, table } from '../output.ts'

export interface KernelTime {
  readonly kernel: string
  readonly template: string
  readonly dispatches: number
  readonly milliseconds: number
  /** Of the whole, 0..1. */
  readonly share: number
}

/** One row a kernel, in the order of first use. */
export function kernelTimes(steps: readonly StepTime[]): readonly KernelTime[] {
  const all = steps.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
  const rows = new Map<string, KernelTime>()
  for (const { kernel, template, nanoseconds } of steps) {
    const known = rows.get(kernel) ?? { kernel, template, dispatches: 0, milliseconds: 0, share: 0 }
    rows.set(kernel, {
      ...known,
      dispatches: known.dispatches + 1,
      milliseconds: known.milliseconds + nanoseconds / 1e6,
      share: known.share + (all === 0 ? 0 : nanoseconds / all),
    })
  }
  return [...rows.values()]
}

export function profileTable(times: readonly KernelTime[]): string {
  const rows = times.map((time) => [time.kernel, time.template, String(time.dispatches), milliseconds(time.milliseconds), `${(time.share * 100).toFixed(1)} %`])
  const total = times.reduce((sum, time) => sum + time.milliseconds, 0)
  const dispatches = times.reduce((sum, time) => sum + time.dispatches, 0)
  return table([['kernel', 'template', 'dispatches', 'ms', 'share'], ...rows, ['in all', '', String(dispatches), milliseconds(total), '']], '<<>>>')
}
