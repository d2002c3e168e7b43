/** Threads of Node. */
import { availableParallelism, freemem } from 'node:os'
import { Worker } from 'node:worker_threads'
import { CPU, FAST_CPU } from '../../plan/target.ts'
import { openCpu } from '../cpu/device.ts'
import type { PoolWorker } from '../cpu/pool.ts'
import type { Device } from '../device.ts'
import { LimitError } from '../errors.ts'
import { enableRelaxedSimd } from './relaxed-simd.ts'

const PORT = `const { parentPort } = require('node:worker_threads')
const port = { post: (m) => parentPort.postMessage(m), onMessage: (f) => parentPort.on('message', f) }
`

function spawn(program: string): PoolWorker {
  const worker = new Worker(`${PORT}${program}`, { eval: true, stdin: false, name: 'smoe' })
  let isEnding = false
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => void worker.on('message', receive),
    onEnd: (end) => {
      worker.on('error', (error) => end(error.message))
      worker.on('exit', (code) => {
        if (!isEnding) end(`exit code ${code}`)
      })
    },
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    terminate: () => {
      isEnding = true
      void worker.terminate()
    },
  }
}

/** Bytes that the process may still take. */
export const freeMemory = (): number => process.availableMemory?.() ?? freemem()

/** As messages name the device. */
export const cpuName = (threads: number): string => `cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}`

export const driverName = (): string => `WebAssembly in V8 ${process.versions.v8}`

export interface CpuOptions {
  /** By default one for each core that the process may use. */
  readonly threads?: number
  /** Multiply-add in one rounding where the platform and the processor have it: faster, but not the same bits everywhere. */
  readonly fast?: boolean
  readonly reason?: string
}

/** More would each do very little, and take memory. */
const MOST_THREADS = 256

/** Said with the reason of the choice. */
const FAST = { true: 'relaxed multiply-add', false: 'strict: this platform has no relaxed multiply-add' } as const

/** Opens the CPU device of Node. Throws a LimitError for more than 256 threads. */
export function openCpuDevice({
  threads = availableParallelism(),
  fast = false,
  reason = 'it was asked for',
}: CpuOptions = {}): Device {
  if (threads > MOST_THREADS) throw new LimitError('the cpu device', 'threads', threads, MOST_THREADS)
  const isRelaxed = fast && enableRelaxedSimd()
  const why = fast ? `${reason}; ${FAST[`${isRelaxed}`]}` : reason
  const target = isRelaxed ? FAST_CPU : CPU
  const choice = { name: cpuName(threads), driver: driverName(), reason: why }
  return openCpu({ threads, spawn, freeMemory, target, choice })
}
