/** The CPU device: kernels in WebAssembly, on threads that share one memory. */
import type { Kernel } from '../../plan/plan.ts'
import { CPU, FAST_CPU, WIDE_CPU, type Target } from '../../plan/target.ts'
import { messageOf, type Device } from '../device.ts'
import { KernelError, LimitError } from '../errors.ts'
import { checkBuffers, createBuffers, readRegions, writeBuffer } from './buffers.ts'
import { createExclusive, type Exclusive } from '../exclusive.ts'
import { fromBase64, type CpuKernel } from './kernels.ts'
import { createMemory, MARGIN, type SharedMemory } from './memory.ts'
import { createOwnMemory } from './own-memory.ts'
import { createPool, type Platform, type Pool } from './pool.ts'
import { bindProgram } from './program.ts'

/** Whether the engine makes vectors of 256 bits of two neighbours of 128, and makes them right. */
export type Revectorizer = 'yes' | 'no' | 'wrong results'

export interface CpuPlatform {
  /** Cores that the process may use. */
  readonly cores: number
  readonly spawn: Platform['spawn']
  readonly takeTurn: Platform['takeTurn']
  /** What runs WebAssembly. */
  readonly driver: string
  /** Whether modules with relaxed SIMD compile from now on. */
  readonly enableRelaxedSimd: () => boolean
  /** Whether modules are revectorized from now on. */
  readonly enableRevectorizer: () => Revectorizer
  /** Free memory of the host in bytes; null where the platform cannot tell. */
  readonly freeMemory: () => number | null
}

export interface CpuOptions {
  /** By default one for each core that the process may use. */
  readonly threads?: number
  /**
   * Multiply-add in one rounding, and vectors of 256 bits, where the platform and the processor have them: faster, but not the
   * same bits everywhere.
   */
  readonly fast?: boolean
  /** Why the device was chosen. */
  readonly reason?: string
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

/** Compiles the module and instantiates it once, so that a module that cannot be is an error of its kernel. */
async function compileKernel(pool: Pool, memory: SharedMemory, exclusive: Exclusive, kernel: Kernel): Promise<CpuKernel> {
  if (!('wasm' in kernel)) throw new KernelError(kernel.name, null, placeIn(kernel), 'the cpu device compiles WebAssembly')
  if (kernel.marginBytes > MARGIN)
    throw new KernelError(
      kernel.name,
      null,
      placeIn(kernel),
      `it reads ${kernel.marginBytes} bytes around buffers, ${MARGIN} are kept`,
    )
  try {
    const imports = { env: { memory: memory.memory } }
    const { module } = await pool.untilLost(WebAssembly.instantiate(fromBase64(kernel.wasm), imports))
    const number = pool.add(module)
    const release = (): void => void exclusive(async () => pool.remove(number))
    return { kernel, number, ownBytes: kernel.ownBytes, release }
  } catch (error) {
    throw pool.lost() ?? new KernelError(kernel.name, null, placeIn(kernel), messageOf(error))
  }
}

/** More threads would each do very little, and take memory. */
const MOST_THREADS = 256

/** As messages name the device. */
export const cpuName = (threads: number): string => `cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}`

interface Speed {
  readonly target: Target
  /** Said with the reason of the choice, where `fast` was asked for. */
  readonly said: string
}

const STRICT: Speed = { target: CPU, said: 'strict: this platform has no relaxed multiply-add' }
const RELAXED: { readonly [R in Revectorizer]: Speed } = {
  yes: { target: WIDE_CPU, said: 'relaxed multiply-add, vectors of 256 bits' },
  no: { target: FAST_CPU, said: 'relaxed multiply-add, vectors of 128 bits: this platform has no revectorizer' },
  'wrong results': {
    target: FAST_CPU,
    said: 'relaxed multiply-add, vectors of 128 bits: the revectorizer of this platform failed its test and is off',
  },
}

const fastest = (platform: CpuPlatform): Speed => (platform.enableRelaxedSimd() ? RELAXED[platform.enableRevectorizer()] : STRICT)

/** Opens the device on a platform's threads. Throws a LimitError for too many, and a DeviceLostError where none can start. */
export function openCpu(platform: CpuPlatform, options: CpuOptions): Device {
  const { threads = Math.min(platform.cores, MOST_THREADS), fast = false, reason = 'it was asked for' } = options
  if (threads > MOST_THREADS) throw new LimitError('the cpu device', 'threads', threads, MOST_THREADS)
  const { target, said } = fast ? fastest(platform) : STRICT
  const memory = createMemory()
  const pool = createPool(memory, { threads, spawn: platform.spawn, takeTurn: platform.takeTurn })
  const own = createOwnMemory(memory, pool.threads)
  const exclusive = createExclusive()
  const buffers = createBuffers(memory, exclusive)
  const checkLost = (): void => {
    const lost = pool.lost()
    if (lost !== null) throw lost
  }
  checkLost()
  return {
    target,
    choice: {
      name: cpuName(pool.threads),
      driver: platform.driver,
      reason: fast ? `${reason}; ${said}` : reason,
    },
    features: new Set([CLOCK, ...target.features]),
    limits: LIMITS,
    wait: pool.untilLost,
    availableMemory: () => Math.min(platform.freeMemory() ?? Infinity, buffers.available()),
    lost: pool.lost,
    takeError: () => null,
    guard: async (_, act) => act(),
    createStorage: async (label, bytes) => {
      checkLost()
      return buffers.create(label, bytes)
    },
    write: (buffer, offset, data, start, count) => writeBuffer(memory, { buffer, offset }, data, start, count),
    read: (what, tensors) =>
      exclusive(async () => {
        checkLost()
        checkBuffers(
          what,
          tensors.flatMap((regions) => regions.map(({ buffer }) => buffer)),
        )
        return tensors.map((regions) => readRegions(memory, regions))
      }),
    settle: async () => checkLost(),
    compileKernel: (kernel) => compileKernel(pool, memory, exclusive, kernel),
    bind: (request) => bindProgram({ memory, buffers, pool, own, exclusive }, request),
    dispose: pool.dispose,
  }
}
