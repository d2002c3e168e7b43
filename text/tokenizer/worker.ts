/**
 * The thread that the library runs on. The function is sent there as text: it refers to nothing outside of itself. What it throws
 * comes back as a message; what does not end is terminated.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { TokenizerError } from './errors.ts'
import type { Fields } from './fields.ts'

export type WorkerRequest =
  { readonly kind: 'open'; readonly tokenizer: Fields } | { readonly kind: 'encode'; readonly text: string }

export type WorkerReply =
  | { readonly kind: 'opened' }
  /** -1 for a piece without a token. */
  | { readonly kind: 'encoded'; readonly ids: Int32Array }
  | { readonly kind: 'failed'; readonly message: string }

/** What is used of the library. */
interface Library {
  readonly Tokenizer: new (
    tokenizer: Fields,
    config: Fields,
  ) => {
    readonly encode: (
      text: string,
      options: { readonly add_special_tokens: boolean },
    ) => { readonly ids: readonly (number | undefined)[] }
  }
}

interface Port {
  readonly post: (reply: WorkerReply) => void
  readonly onMessage: (receive: (request: WorkerRequest) => void) => void
}

function serve(library: Library, port: Port): void {
  let tokenizer: InstanceType<Library['Tokenizer']> | null = null
  port.onMessage((request) => {
    try {
      if (request.kind === 'open') {
        tokenizer = new library.Tokenizer(request.tokenizer, {})
        port.post({ kind: 'opened' })
        return
      }
      const ids = tokenizer!.encode(request.text, { add_special_tokens: false }).ids
      port.post({ kind: 'encoded', ids: Int32Array.from(ids, (id) => id ?? -1) })
    } catch (error) {
      port.post({ kind: 'failed', message: String((error as Error | null)?.message ?? error) })
    }
  })
}

/** Quiet: the library warns on the console. */
const program = (library: string): string => `const { parentPort } = require('node:worker_threads')
console.warn = console.log = console.error = () => {}
;(${String(serve)})(require(${JSON.stringify(library)}), {
  post: (m) => parentPort.postMessage(m),
  onMessage: (f) => parentPort.on('message', f),
})`

export interface TokenizerThread {
  /** Throws a TokenizerError: after the deadline (milliseconds), out of memory, and for what the library throws. */
  readonly ask: (request: WorkerRequest, what: string, deadline: number) => Promise<WorkerReply>
  readonly close: () => Promise<void>
}

const seconds = (ms: number): string => `${ms < 1000 ? (ms / 1000).toFixed(2) : Math.round(ms / 1000)} s`

/** Starts the thread with so many MiB of heap. It keeps no process alive but during a question. */
export function startThread(memory: number): TokenizerThread {
  const library = createRequire(import.meta.url).resolve('@huggingface/tokenizers')
  const limits = { maxOldGenerationSizeMb: memory, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 }
  const worker = new Worker(program(library), { eval: true, stdin: false, name: 'smoe tokenizer', resourceLimits: limits })
  let ended: TokenizerError | null = null
  let answer: { readonly take: (reply: WorkerReply) => void; readonly fail: (error: TokenizerError) => void } | null = null
  const end = (error: TokenizerError): void => {
    ended ??= error
    answer?.fail(ended)
  }
  worker.on('message', (reply: WorkerReply) => answer?.take(reply))
  worker.on('error', (error: NodeJS.ErrnoException) =>
    end(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? new TokenizerError('memory', `the tokenizer needs more than ${memory} MiB of memory`)
        : new TokenizerError('failed', `the tokenizer ended: ${error.message}`),
    ),
  )
  worker.on('exit', () => end(new TokenizerError('failed', 'the tokenizer is closed')))
  worker.unref()
  return {
    ask: async (request, what, deadline) => {
      if (ended !== null) throw ended
      let timer: NodeJS.Timeout | undefined
      worker.ref()
      try {
        return await new Promise<WorkerReply>((take, fail) => {
          answer = { take, fail }
          timer = setTimeout(() => {
            end(new TokenizerError('deadline', `${what} took longer than ${seconds(deadline)}`))
            void worker.terminate()
          }, deadline)
          worker.postMessage(request)
        })
      } finally {
        answer = null
        clearTimeout(timer)
        worker.unref()
      }
    },
    close: async () => void (await worker.terminate()),
  }
}
