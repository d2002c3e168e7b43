/** What a routine hands to the module maker. */
import type { Dim } from '../../plan/dim.ts'

export interface RoutineText {
  /** Declarations and the entry `main`; buffers, dims and `enable` lines come from the module maker. */
  readonly body: string
  readonly workgroupSize: readonly [number, number, number]
  /** Counted in one dimension; the entry folds a second one back and ignores what lies beyond the count. */
  readonly workgroups: Dim
  readonly needsSubgroups: boolean
  readonly workgroupBytes: number
  /** Buffers to be bound as array<vec4<f32>>, with `load4_NAME` beside `load_NAME`. */
  readonly vec4Buffers: readonly string[]
}
