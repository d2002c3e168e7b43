/** The target of compilation: the properties of an adapter that kernels depend on, as data. */

import type { PlanTarget } from './plan.ts'

export interface Target {
  /** What its plans run on, and thereby the language of its kernels. */
  readonly runs: PlanTarget
  /** How it is named in messages: `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string
  /** On a CPU adapter a load costs as much as ten multiply-adds and barriers are expensive; on a GPU neither is. */
  readonly kind: 'cpu' | 'gpu'
  /** Size of a subgroup, where the adapter has exactly one size and the feature; null otherwise. */
  readonly subgroupSize: number | null
  readonly features: readonly string[]
  readonly maxInvocationsPerWorkgroup: number
  readonly maxWorkgroupStorageBytes: number
  readonly maxStorageBuffers: number
  readonly maxBindingBytes: number
  readonly maxBufferBytes: number
  readonly maxWorkgroupsPerDimension: number
}

/** The limits that every WebGPU adapter keeps: a plan for it runs anywhere. */
export const PORTABLE: Target = {
  runs: 'webgpu',
  name: 'portable',
  kind: 'gpu',
  subgroupSize: null,
  features: [],
  maxInvocationsPerWorkgroup: 256,
  maxWorkgroupStorageBytes: 16384,
  maxStorageBuffers: 8,
  maxBindingBytes: 134217728,
  maxBufferBytes: 268435456,
  maxWorkgroupsPerDimension: 65535,
}

/** The threads of any processor: kernels in WebAssembly. One gang of four invocations is a vector of 128 bits. */
export const CPU: Target = {
  runs: 'cpu',
  name: 'cpu',
  kind: 'cpu',
  subgroupSize: 4,
  features: ['timestamp-query'],
  maxInvocationsPerWorkgroup: 4,
  maxWorkgroupStorageBytes: 65536,
  maxStorageBuffers: 1024,
  maxBindingBytes: 2 ** 32 - 2 ** 20,
  maxBufferBytes: 2 ** 32 - 2 ** 20,
  maxWorkgroupsPerDimension: 2 ** 31 - 1,
}

/** A feature of the CPU target: multiply-add in one rounding or two, whichever the processor has. */
export const RELAXED_SIMD = 'relaxed-simd'

/** Faster matmuls, whose last bits depend on the processor. */
export const FAST_CPU: Target = { ...CPU, name: 'cpu, fast', features: [...CPU.features, RELAXED_SIMD] }

/**
 * A property of the CPU target: the engine compiles operations on neighbouring vectors of 128 bits as one of 256. Kernels made
 * for it run everywhere, slower.
 */
export const SIMD_256 = 'simd-256'

/** As FAST_CPU, with tiles for vectors of 256 bits. */
export const WIDE_CPU: Target = { ...FAST_CPU, name: 'cpu, fast, 256 bits', features: [...FAST_CPU.features, SIMD_256] }

/** Whether attention is one kernel: in shaders its gradients are not yet faster than the ops that it is written with. */
export const fusesAttention = ({ runs }: Target): boolean => runs === 'cpu'
