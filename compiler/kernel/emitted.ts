/** What an emitter makes of a kernel, the same for each target. */
import type { Dim } from '../../plan/dim.ts'
import { positionAt } from '../../grammar/source.ts'
import type { PlaceInSource, StorageType, WasmKernel, WgslKernel } from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { Variant } from './scope/context.ts'

export interface EmittedKernel<K extends WgslKernel | WasmKernel = WgslKernel | WasmKernel> {
  readonly kernel: K extends unknown ? Omit<K, 'id'> : never
  readonly workgroups: Dim
  /** Behind each binding: the place of its buffer among the kernel's, and which part of it. */
  readonly bindings: readonly { readonly buffer: number; readonly part: number }[]
  /** Bytes of workgroup memory. */
  readonly workgroupBytes: number
  /** Features of the device, beside subgroups, that it uses. */
  readonly features: readonly string[]
}

export interface EmitOptions {
  readonly dims: readonly string[]
  readonly target: Target
  readonly variant: Variant
  /** The storage type of a node. */
  readonly storage: (node: Node) => StorageType
}

export function placeOf(origin: Origin): PlaceInSource | null {
  if (origin.span === null) return null
  const { line, column } = positionAt(origin.span.source, origin.span.start)
  return { path: origin.span.source.path, line, column, instance: origin.instance }
}
