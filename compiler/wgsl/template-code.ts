/** The WGSL of a template, before it becomes a module. */
import type { Dim } from '../../plan/dim.ts'

export interface TemplateCode {
  /** Declarations and the entry point `main`; the module adds buffers, dims and `enable` lines. */
  readonly body: string
  readonly workgroupSize: readonly [number, number, number]
  /** Counted in one dimension; the entry point flattens a dispatch of two, and workgroups beyond the count return. */
  readonly workgroups: Dim
  readonly needsSubgroups: boolean
  readonly workgroupBytes: number
  /** Buffers bound as array<vec4<f32>>, with `load4_NAME` beside `load_NAME`. */
  readonly vec4Buffers: readonly string[]
}
