export interface FuzzOptions {
  readonly count: number
  readonly seed: number
  /** The index of the one input to make; null for all. */
  readonly only: number | null
  /** How many accepted specs run on a device beside the reference; how many times their own number of samples properties draw. */
  readonly runs: number
  readonly device: string
  /** Texts, one of which is in the path of each test file whose properties are drawn; all where there are none. */
  readonly paths: readonly string[]
}
