/** What the kernel maker must know of an adapter, as data. */

export interface Target {
  /** How it is named in messages: `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string
  /** On a CPU adapter a load costs ten multiply-adds and barriers are dear; a GPU is the opposite. */
  readonly kind: 'cpu' | 'gpu'
  /** Lanes of a subgroup where the adapter has exactly one size and the feature; null otherwise. */
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
