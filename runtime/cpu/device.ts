/** The CPU device: kernels in WebAssembly, on threads that share one memory. */
import type { Kernel } from '../../plan/plan.ts'
import { CPU, type Target } from '../../plan/target.ts'
import { messageOf, type AdapterChoice, type Device } from '../device.ts'
import { KernelError } from '../errors.ts'
import { addressOf, readRegions, type CpuBuffer } from './buffers.ts'
import { fromBase64, type CpuKernel } from './kernels.ts'
import { createMemory, type SharedMemory } from './memory.ts'
import { createPool, type Platform, type Pool } from './pool.ts'
import { bindProgram, type OwnMemory } from './program.ts'

export interface CpuPlatform extends Platform {
  /** How it is named: `cpu, 2 threads`. */
  readonly choice: AdapterChoice
  /** `CPU`, or `FAST_CPU` where the platform has relaxed SIMD and it was asked for. */
  readonly target: Target
  /** Free memory of the host in bytes; null where the platform cannot tell. */
  readonly freeMemory: () => number | null
}

const LIMITS: Device['limits'] = {
  maxStorageBuffersPerShaderStage: CPU.maxStorageBuffers,
  // a workgroup is any number of gangs, one after the other
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: CPU.maxWorkgroupStorageBytes,
  maxStorageBufferBindingSize: CPU.maxBindingBytes,
  maxBufferSize: CPU.maxBufferBytes,
  maxComputeWorkgroupsPerDimension: CPU.maxWorkgroupsPerDimension,
}

/** As WebGPU names it. */
const CLOCK = 'timestamp-query'

const placeIn = (kernel: Kernel) => kernel.places[0]?.place ?? null

async function compileKernel(pool: Pool, kernel: Kernel): Promise<CpuKernel> {
  if (!('wasm' in kernel)) throw new KernelError(kernel.name, null, placeIn(kernel), 'the cpu device compiles WebAssembly')
  try {
    const module = await pool.untilLost(WebAssembly.compile(fromBase64(kernel.wasm)))
    return { kernel, number: pool.add(module), ownBytes: kernel.ownBytes }
  } catch (error) {
    throw pool.lost() ?? new KernelError(kernel.name, null, placeIn(kernel), messageOf(error))
  }
}

/** One area for all programs, of which each thread has a part: they run one at a time. */
function createOwnMemory(memory: SharedMemory, threads: number): OwnMemory {
  let [base, stride] = [0, 0]
  return {
    reserve: (bytes) => {
      if (bytes > stride) {
        memory.free(base)
        // whole pages: threads share no line, and it seldom grows
        stride = Math.ceil(bytes / 4096) * 4096
        base = memory.allocate('memory of the threads', stride * threads)
      }
      return { base, stride }
    },
  }
}

/** Work in the order of the calls, one at a time. */
function createExclusive(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> | null = null
  return (work) => {
    const result = last === null ? work() : last.then(work)
    const settled = result.then(
      () => {},
      () => {},
    )
    last = settled
    void settled.then(() => {
      if (last === settled) last = null
    })
    return result
  }
}

/** Opens the device on a platform's threads. */
export function openCpu(platform: CpuPlatform): Device {
  const memory = createMemory()
  const pool = createPool(memory, platform)
  const own = createOwnMemory(memory, pool.threads)
  const exclusive = createExclusive()
  return {
    target: platform.target,
    choice: platform.choice,
    features: new Set([CLOCK, ...platform.target.features]),
    limits: LIMITS,
    wait: pool.untilLost,
    availableMemory: () => Math.min(platform.freeMemory() ?? Infinity, memory.available()),
    lost: pool.lost,
    takeError: () => null,
    guard: async (_, act) => act(),
    createStorage: async (label, bytes) => {
      const lost = pool.lost()
      if (lost !== null) throw lost
      const address = memory.allocate(label, bytes)
      const buffer: CpuBuffer = { address, destroy: () => memory.free(address) }
      return buffer
    },
    write: (buffer, offset, data, start, count) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset + start * data.BYTES_PER_ELEMENT, count * data.BYTES_PER_ELEMENT)
      memory.bytes().set(bytes, addressOf({ buffer, offset }))
    },
    read: (_, tensors) => exclusive(async () => tensors.map((regions) => readRegions(memory, regions))),
    settle: async () => {
      const lost = pool.lost()
      if (lost !== null) throw lost
    },
    compileKernel: (kernel) => compileKernel(pool, kernel),
    bind: async (request) => bindProgram(memory, pool, own, exclusive, request),
    dispose: pool.dispose,
  }
}
