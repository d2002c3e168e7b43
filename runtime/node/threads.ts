/** Threads of Node. */
import { availableParallelism, freemem } from 'node:os'
import { Worker } from 'node:worker_threads'
import { openCpu } from '../cpu/device.ts'
import type { PoolWorker } from '../cpu/pool.ts'
import type { Device } from '../device.ts'
import { LimitError } from '../errors.ts'

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

const hostRoom = (): number => process.availableMemory?.() ?? freemem()

export interface CpuOptions {
  /** By default one for each core that the process may use. */
  readonly threads?: number
  readonly reason?: string
}

/** More would each do very little, and take memory. */
const MOST_THREADS = 256

/** Opens the CPU device of Node. Throws a LimitError for more than 256 threads. */
export function openCpuDevice({ threads = availableParallelism(), reason = 'it was asked for' }: CpuOptions = {}): Device {
  if (threads > MOST_THREADS) throw new LimitError('the cpu device', 'threads', threads, MOST_THREADS)
  const name = `cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  const driver = `WebAssembly in V8 ${process.versions.v8}`
  return openCpu({ threads, spawn, freeMemory: hostRoom, choice: { name, driver, reason } })
}
