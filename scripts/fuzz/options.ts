export interface FuzzOptions {
  readonly count: number
  readonly seed: number
  /** The index of the one input to make; null for all. */
  readonly only: number | null
  /** How many accepted specs run on a device beside the reference. */
  readonly runs: number
  readonly device: string
}
