/** Threads of Node. */
import { availableParallelism, freemem } from 'node:os'
import { Worker } from 'node:worker_threads'
import { openCpu, type CpuOptions } from '../cpu/device.ts'
import type { PoolWorker } from '../cpu/pool.ts'
import type { Device } from '../device.ts'
import { enableRelaxedSimd } from './relaxed-simd.ts'
import { enableRevectorizer } from './revectorizer.ts'

const PORT = `const { parentPort } = require('node:worker_threads')
const port = { post: (m) => parentPort.postMessage(m), onMessage: (f) => parentPort.on('message', f) }
`

/** Starts a worker of Node with this program. */
export const startWorker = (program: string): Worker =>
  new Worker(`${PORT}${program}`, { eval: true, stdin: false, name: 'smoe' })

/** A worker of Node as the pool knows it. */
export function poolWorker(worker: Worker): PoolWorker {
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

/** Resolves when events that wait were handled. */
export const takeTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const driverName = (): string => `WebAssembly in V8 ${process.versions.v8}`

/** Opens the CPU device of Node. Throws a LimitError for more than 256 threads. */
export const openCpuDevice = (options: CpuOptions = {}): Device =>
  openCpu(
    {
      cores: availableParallelism(),
      spawn: (program) => poolWorker(startWorker(program)),
      takeTurn,
      driver: driverName(),
      enableRelaxedSimd,
      enableRevectorizer,
      freeMemory,
    },
    options,
  )
