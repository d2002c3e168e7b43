/** Times of the dispatches of a run. */
import type { Dispatch } from './device.ts'

/** The device time of one dispatch. */
export interface DispatchTime {
  readonly label: string
  readonly kernel: string
  readonly template: string
  readonly workgroups: number
  readonly nanoseconds: number
}

export const dispatchTimes = (dispatches: readonly Dispatch[], nanoseconds: readonly number[]): readonly DispatchTime[] =>
  dispatches.map(({ label, compiled: { kernel }, workgroups }, at) => ({
    label,
    kernel: kernel.name,
    template: kernel.template,
    workgroups,
    nanoseconds: nanoseconds[at],
  }))
