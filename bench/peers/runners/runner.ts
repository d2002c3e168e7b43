/** A library that computes the layer, in a process of its own. */
import type { Problem } from '../problem.ts'

export interface Runner {
  readonly version: string
  /** The device, the threads, the form of the layer. */
  readonly detail: string
  /** From [T, d] on the host to [T, d] on the host. */
  readonly run: (x: Float32Array) => Promise<Float32Array>
  readonly close: () => Promise<void>
}

/** Loads the weights; throws an AbsentError where the library or its device is not here. */
export type OpenRunner = (problem: Problem) => Promise<Runner>

export class AbsentError extends Error {
  override readonly name = 'AbsentError'
}
