/** What a kernel computes, before any target's spelling. */
import type { Dim } from '../../../plan/dim.ts'
import type { Node, Origin } from '../../graph/node.ts'
import type { ScalarType, Statement } from '../../scalar/expression.ts'
import type { Matmul } from './matmul.ts'

/** A buffer under the name the kernel knows it by. */
export interface KernelBuffer {
  readonly name: string
  readonly node: Node
  readonly access: 'read' | 'read_write'
}

export type Computation =
  /** `workgroupSize` threads a workgroup run the body, which may use the u32 variables `workgroup` and `thread`. */
  | {
      readonly kind: 'workgroups'
      readonly workgroups: Dim
      readonly workgroupSize: number
      readonly shared: readonly { readonly name: string; readonly type: ScalarType; readonly length: number }[]
      readonly body: readonly Statement[]
    }
  | { readonly kind: 'matmul'; readonly matmul: Matmul }

export interface KernelProgram {
  /** The same for kernels of the same text: `moe_matmul`. */
  readonly name: string
  readonly template: string
  readonly reason: string
  readonly buffers: readonly KernelBuffer[]
  readonly computation: Computation
  readonly origin: Origin
  /** What stands behind it, for listings: `layers.0/moe: grouped_matmul x2, silu`. */
  readonly does: string
}
