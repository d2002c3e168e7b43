/** The IR of a kernel: bindings and a computation, as plain data that is independent of targets. */
import type { Dim } from '../../../plan/dim.ts'
import type { WeightStorage } from '../../../plan/storage/formats.ts'
import type { Node, Origin } from '../../graph/node.ts'
import type { DType } from '../../graph/vocabulary.ts'
import type { ScalarType, Statement } from '../../scalar/expression.ts'
import type { Attention } from './attention.ts'
import type { Matmul } from './matmul.ts'

/** A buffer that a kernel binds, under its name in the kernel. */
export interface Binding {
  readonly name: string
  readonly access: 'read' | 'read_write'
  readonly dtype: DType
  /** How elements are stored, where not as elements of the dtype: a load decodes one. Such a buffer is not stored to. */
  readonly storage?: WeightStorage
  readonly elements: Dim
}

/** A binding, and the node whose values the buffer has. */
export interface KernelBuffer extends Binding {
  readonly node: Node
}

/** An array in the memory of a workgroup. */
export interface SharedArray {
  readonly name: string
  readonly type: ScalarType
  readonly length: number
}

export type Computation =
  /** `workgroupSize` threads a workgroup run the body, which may use the u32 variables `workgroup` and `thread`. */
  | {
      readonly kind: 'workgroups'
      readonly workgroups: Dim
      readonly workgroupSize: number
      readonly shared: readonly SharedArray[]
      readonly body: readonly Statement[]
    }
  | { readonly kind: 'matmul'; readonly matmul: Matmul }
  /** It means what its threads do (`attention-threads.ts`); targets may emit it in another way. */
  | { readonly kind: 'attention'; readonly attention: Attention }

/** A kernel by itself, as it is printed, parsed and verified. */
export interface Kernel {
  /** The same for kernels of the same text: `moe_matmul`. */
  readonly name: string
  readonly template: string
  readonly buffers: readonly Binding[]
  readonly computation: Computation
}

/** A kernel of a schedule, and where it comes from. */
export interface KernelProgram extends Kernel {
  readonly reason: string
  readonly buffers: readonly KernelBuffer[]
  readonly origin: Origin
  /** The ops that it computes, for listings: `layers.0/moe: grouped_matmul x2, silu`. */
  readonly does: string
}
