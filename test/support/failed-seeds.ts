/** Samples on which a property once failed: each is drawn before new ones, as long as its generator makes it. */
export interface FailedSeed {
  /** The test file, from the root. */
  readonly file: string
  /** Text in the name of the test. */
  readonly name: string
  readonly seed: number
  /** The number of the sample of this seed. */
  readonly sample: number
  /** What was wrong. */
  readonly found: string
}

export const FAILED_SEEDS: readonly FailedSeed[] = []
