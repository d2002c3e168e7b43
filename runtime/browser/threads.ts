/** Threads of a page: Workers, where it may share memory with them. */
import { openCpu, type CpuOptions } from '../cpu/device.ts'
import type { PoolWorker } from '../cpu/pool.ts'
import { hasWasm } from '../cpu/probe.ts'
import type { Device } from '../device.ts'

const PORT = `const port = {
  post: (message) => postMessage(message),
  onMessage: (receive) => { onmessage = ({ data }) => receive(data) },
}
onmessageerror = () => { throw new Error('a message could not be read') }
`

/** A page may refuse the program: the browser then gives no message, so the likely cause is the message. */
const REFUSED = 'its program did not load; a Content-Security-Policy has to allow it: worker-src blob:'

function spawn(program: string): PoolWorker {
  const url = URL.createObjectURL(new Blob([PORT, program], { type: 'text/javascript' }))
  const worker = new Worker(url, { name: 'smoe' })
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => worker.addEventListener('message', ({ data }) => receive(data)),
    onEnd: (end) =>
      worker.addEventListener('error', (event) => {
        event.preventDefault()
        end((event as Partial<ErrorEvent>).message ?? REFUSED)
      }),
    // a page waits for nothing
    hold: () => {},
    terminate: () => {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}

/** Browsers let a page share memory with Workers only where no other site's documents are in its process. */
const isIsolated = (): boolean => globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function'

/** Said with the reason of the choice. */
const INLINE = 'one thread: the page is not cross-origin isolated (COOP and COEP headers)'

/**
 * Opens the CPU device of a page. Where the page is not cross-origin isolated, the caller's own thread computes, whatever number
 * was asked for. Throws a LimitError for more than 256 threads.
 */
export function openCpuDevice(options: CpuOptions = {}): Device {
  const isShared = isIsolated()
  const device = openCpu(
    {
      cores: globalThis.navigator?.hardwareConcurrency ?? 1,
      spawn: isShared ? spawn : null,
      takeTurn: null,
      driver: 'WebAssembly of the browser',
      enableRelaxedSimd: () => hasWasm('relaxedSimd'),
      // a flag of the browser's own command line
      enableRevectorizer: () => 'no',
      freeMemory: () => null,
    },
    options,
  )
  return isShared ? device : { ...device, choice: { ...device.choice, reason: `${device.choice.reason}; ${INLINE}` } }
}
