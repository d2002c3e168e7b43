/** What one process measures of a large checkpoint: it loads it, and runs it on a short and on a long sequence. */

/** The input tensors of the checkpoint's tokens.safetensors, by their lengths. */
export const SEQUENCES = { input_ids: 128, input_ids_512: 512 } as const

export type SequenceName = keyof typeof SEQUENCES

/** Seconds on the clock, and of the process's threads together. */
export interface Times {
  readonly wall: number
  readonly cpu: number
}

export interface Measured {
  readonly load: Times
  /** The best of the runs. */
  readonly runs: Readonly<Record<SequenceName, Times>>
  /** Bytes of the process at its largest. */
  readonly peak: number
  /** Bytes that were planned for, and those that were allocated; null for other libraries. */
  readonly memory: { readonly planned: number; readonly allocated: number } | null
}

export const best = (times: readonly Times[]): Times => ({
  wall: Math.min(...times.map(({ wall }) => wall)),
  cpu: Math.min(...times.map(({ cpu }) => cpu)),
})
