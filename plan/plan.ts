/** The plan, all that the runtime knows of a model: plain JSON, the waist of the project. Every size is the key of a dim. */

import type { OutputRole, VariableRole } from './output-role.ts'
import { storedBytes, type WeightStorage } from './storage/formats.ts'

export const PLAN_VERSION = 1

/** Element types of device buffers. f16 is used on the device alone: in scratch memory and in weights that other plans write. */
export type StorageType = 'f32' | 'f16' | 'i32' | 'u32'

/** Element types of tensors that the host writes and reads. */
export type HostType = Exclude<StorageType, 'f16'>

/** Bytes of an element. */
export const BYTES: { readonly [T in StorageType]: 2 | 4 } = { f32: 4, f16: 2, i32: 4, u32: 4 }

/** Bytes of elements in memory: as they are stored, where they are those of a weight that is stored in a format. */
export const elementBytes = (dtype: StorageType, storage: WeightStorage | undefined, elements: number): number =>
  storage === undefined ? BYTES[dtype] * elements : storedBytes(storage, elements)

/** The key of a `Dim`: a number, or a polynomial over the plan's dims such as `32*B*S`. */
export type Size = string

/** A place in a `.smoe` file, for messages about a kernel. */
export interface PlaceInSource {
  readonly path: string
  readonly line: number
  readonly column: number
  /** The chain of instances it belongs to, outermost first: `layers.0/attention`. */
  readonly instance: string
}

/** What runs a plan: a WebGPU device, or the threads of a processor. */
export type PlanTarget = 'webgpu' | 'cpu'

/** The language of each target's kernels. */
export const LANGUAGE: { readonly [T in PlanTarget]: KernelLanguage } = { webgpu: 'wgsl', cpu: 'wasm' }

export interface Plan {
  readonly version: typeof PLAN_VERSION
  readonly target: PlanTarget
  readonly model: string
  readonly doc: string
  /** Symbolic dims, bound by the shapes of the inputs at each run. */
  readonly dims: readonly PlanDim[]
  /** What the dims of every run have to fulfil; left out where any do. */
  readonly bounds?: readonly Bound[]
  readonly inputs: readonly InputPort[]
  readonly outputs: readonly OutputPort[]
  readonly weights: readonly WeightPort[]
  readonly constants: readonly ConstantData[]
  /** Values that depend on weights alone: made by `once` when the weights are loaded, or loaded in their place. */
  readonly held: readonly Port[]
  /** What runs keep of the tokens that they were given; absent where each stands alone. */
  readonly state?: PlanState
  readonly buffers: readonly PlanBuffer[]
  readonly kernels: readonly Kernel[]
  /** Run after the weights are loaded; null where nothing is held. */
  readonly once: Program | null
  /** The first whose condition holds is run; the last has none. */
  readonly programs: readonly Program[]
  readonly requires: Requirements
}

/** Runs that continue sequences: each is told, in inputs of its own, how many tokens came before and how many it has. */
export interface PlanState {
  readonly sequences: number
  /** Tokens of each sequence at most. */
  readonly longest: number
  /** Whether a sequence can go back to any length that it had, as nothing but rows by position is kept of it. */
  readonly rewinds: boolean
}

export interface PlanDim {
  readonly name: string
  readonly doc: string
}

/** A number that must not be below 0, as the room that is left behind a slice. */
export interface Bound {
  readonly size: Size
  /** What is wrong where it is: `mine.smoe:3:14: the last index, 9, is outside an axis of B`. */
  readonly what: string
}

export interface Port {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly Size[]
  readonly buffer: number
  readonly doc: string
}

export interface InputPort extends Port {
  /** Where the values choose rows: each is from 0 up to this, itself excluded. */
  readonly below?: Size
  /** A value that is allowed besides, beside `below` alone: nothing is chosen by it. */
  readonly ignored?: number
}

/** What a caller has to know of a plan before it is made. */
export interface Signature extends Pick<Plan, 'model' | 'dims' | 'bounds'> {
  readonly inputs: readonly Omit<InputPort, 'buffer'>[]
}

export interface OutputPort extends Port {
  /** Absent for an output that the model declares. */
  readonly role?: OutputRole
  /**
   * The weight of this name, of the same shape and in this buffer: the run leaves the values there, and they are not read back.
   */
  readonly replaces?: string
}

/** One weight as the kernels want it, and where its pieces lie in a checkpoint; or a variable, which is in none. */
export interface WeightPort {
  /** Its path in the model: `layers.0.moe.experts.gate`. */
  readonly name: string
  readonly dtype: StorageType
  /** How it is stored, where not as elements of the dtype; that of its buffer. */
  readonly storage?: WeightStorage
  readonly shape: readonly Size[]
  readonly buffer: number
  /**
   * Along the leading axis, stacked in this order; one piece without stacking where `stacked` is false. None where no checkpoint
   * has it: it begins as zeros.
   */
  readonly pieces: readonly WeightPiece[]
  readonly stacked: boolean
  readonly doc: string
  /** What a variable holds; absent for a weight. */
  readonly variable?: VariableRole
}

/** A tensor of the checkpoint, after its slices and its transposition. */
export interface WeightPiece {
  readonly tensor: string
  /** One an axis of the file's tensor, outermost first; axes without one are taken whole. */
  readonly slices: readonly WeightSlice[]
  /** Whether the last two axes change places after slicing. */
  readonly transpose: boolean
}

/** What is taken of one axis, counted from its start; an `index` drops the axis. */
export type WeightSlice =
  | { readonly kind: 'all' }
  | { readonly kind: 'index'; readonly at: number }
  | { readonly kind: 'range'; readonly start: number; readonly stop: number | null; readonly step: number }

export interface ConstantData {
  readonly buffer: number
  readonly dtype: StorageType
  readonly values: readonly number[]
}

export interface PlanBuffer {
  readonly id: number
  readonly name: string
  readonly role: 'input' | 'output' | 'weight' | 'constant' | 'held' | 'scratch'
  readonly dtype: StorageType
  /** How elements are stored, where not as elements of the dtype: of weights alone. */
  readonly storage?: WeightStorage
  readonly elements: Size
  /** More than one where the whole exceeds a binding: elements in each part but the last. */
  readonly partElements: number | null
  readonly parts: number
}

export type Access = 'read' | 'read_write'

export interface KernelBinding {
  readonly name: string
  readonly access: Access
  readonly dtype: StorageType
  /** The storage of the weight that is bound. */
  readonly storage?: WeightStorage
}

/** What kernels are written in. */
export type KernelLanguage = 'wgsl' | 'wasm'

/** What kernels of all targets have. */
interface KernelFacts {
  readonly id: number
  readonly name: string
  readonly bindings: readonly KernelBinding[]
  readonly workgroupSize: readonly [number, number, number]
  /** The template it was made from, and why that one: for `explain --stage kernels`. */
  readonly template: string
  readonly reason: string
  /** Faster templates that were refused, and for what reason. */
  readonly refused: readonly { readonly template: string; readonly reason: string }[]
  /** Line of the code (from 1) where a part begins -> the place in the spec it computes. */
  readonly places: readonly { readonly wgslLine: number; readonly place: PlaceInSource }[]
}

/**
 * One compute shader. In group 0, binding 0 is the uniform `dims: array<vec4<u32>, ceil(n/4)>` with the plan's dims in order;
 * storage bindings follow from 1 in the order of `bindings`.
 */
export interface WgslKernel extends KernelFacts {
  readonly wgsl: string
  readonly entryPoint: string
  readonly needsSubgroups: boolean
}

/**
 * One WebAssembly module in base64. It imports a shared memory `env.memory` and exports `kernel(arguments, own, from, to)`, which
 * runs the workgroups from .. to - 1. `arguments` is the address of words: address and number of elements of each binding in
 * order, then the plan's dims in order, then the address of the zero flags where there are any; `own` is the address of
 * `ownBytes` bytes that no other thread uses. Up to `marginBytes` before and behind each binding are read and not used.
 */
export interface WasmKernel extends KernelFacts {
  readonly wasm: string
  readonly ownBytes: number
  readonly marginBytes: number
  /**
   * The binding, one that is written, of which the kernel leaves alone what it knows to hold zeros. It has one word a workgroup,
   * its flag: set by the kernel where the workgroup left zeros and nothing else in its block of the binding, kept from one
   * execution of a step to the next, and cleared before an execution if anything but this step wrote the binding since the last.
   */
  readonly zeroFlagged?: number
}

export type Kernel = WgslKernel | WasmKernel

/** The text of a kernel: kernels of one text and the same bindings are one. */
export const kernelCode = (kernel: Omit<WgslKernel, 'id'> | Omit<WasmKernel, 'id'>): string =>
  'wgsl' in kernel ? kernel.wgsl : kernel.wasm

export interface Program {
  readonly name: string
  /** Holds when `dim` is at most `atMost`; null always holds. */
  readonly when: { readonly dim: Size; readonly atMost: number } | null
  /** Scratch memory: each slot is as large as the largest of its sizes, in bytes. */
  readonly slots: readonly { readonly bytes: readonly Size[] }[]
  /** Scratch buffer -> slot. */
  readonly placement: readonly { readonly buffer: number; readonly slot: number }[]
  readonly steps: readonly Step[]
  /**
   * Made in order once all steps are done and what is read back is copied: whole buffers into those of weights that are replaced,
   * or aside where a weight takes the place of another and is itself replaced.
   */
  readonly copies?: readonly BufferCopy[]
}

export interface BufferCopy {
  readonly from: number
  readonly to: number
}

/** One dispatch. Steps run in order; a step sees all writes of the earlier ones. */
export interface Step {
  readonly kernel: number
  /** One an entry of the kernel's bindings. */
  readonly bindings: readonly { readonly buffer: number; readonly part: number }[]
  /** Counted in one dimension; the runtime folds it into two where it exceeds the adapter's limit. */
  readonly workgroups: Size
  readonly label: string
}

export interface Requirements {
  readonly features: readonly string[]
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxStorageBufferBindingSize: number
  /** Size of the subgroups that the kernels were compiled for; null where they use none, and any adapter will do. */
  readonly subgroupSize: number | null
}
