/** What came out, as JSON has it. */
import type { LayerSize } from '../../cli/bench/layer.ts'

export type Outcome =
  | {
      readonly kind: 'timed'
      /** Largest difference from the reference, in parts of the largest value. */
      readonly error: number
      readonly runs: number
      /** Milliseconds. */
      readonly best: number
      readonly median: number
      readonly gflops: number
    }
  | { readonly kind: 'wrong'; readonly error: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'absent'; readonly reason: string }

export interface Result {
  readonly name: string
  readonly label: string
  /** Null where it was not opened. */
  readonly version: string | null
  readonly detail: string | null
  /** By T, in the order of the report's tokens. */
  readonly outcomes: readonly Outcome[]
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memory: number
  readonly system: string
  readonly node: string
  /** Processes that were running or waiting in the last minute: before the first run, and after the last. */
  readonly load: readonly [before: number, after: number]
}

export interface Report {
  readonly date: string
  readonly command: string
  readonly machine: Machine
  readonly size: LayerSize
  readonly tokens: readonly number[]
  readonly results: readonly Result[]
}
