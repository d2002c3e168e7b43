/** What `smoe debug` finds out: a row for each stage, and where values differ, the place. */
import type { Node } from '../../compiler/graph/node.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import type { Kernel } from '../../plan/plan.ts'
import type { Comparison, Mismatch } from './compare.ts'

export interface Stage {
  /** `pass simplify of program few` */
  readonly name: string
  /** `3 outputs`, `12 kernels` */
  readonly compared: string
  readonly comparison: Comparison
  readonly finding: Finding | null
}

/** The dispatch whose results differ. */
export interface KernelPlace {
  readonly program: string
  /** From 1. */
  readonly number: number
  readonly count: number
  readonly kernel: KernelProgram
  /** As the adapter gets it. */
  readonly emitted: Kernel
}

export interface Finding {
  /** `the pass simplify changes a value` */
  readonly message: string
  readonly mismatch: Mismatch
  /** The output or the node that differs. */
  readonly value: string
  /** Where the spec asks for it. */
  readonly node: Node
  readonly kernel: KernelPlace | null
}
