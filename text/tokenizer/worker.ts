/**
 * The process that the library runs in. The function is sent there as text: it refers to nothing outside of itself. What it
 * throws comes back as a message; what does not end is killed. A thread would not do: V8 compiles some regular expressions in
 * exponential time, and ends no thread meanwhile.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
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
const program = (library: string): string => `console.warn = console.log = console.error = () => {}
process.on('disconnect', () => process.exit())
;(${String(serve)})(require(${JSON.stringify(library)}), {
  post: (m) => process.send(m),
  onMessage: (f) => process.on('message', f),
})`

export interface TokenizerProcess {
  /** Throws a TokenizerError: after the deadline (milliseconds), out of memory, and for what the library throws. */
  readonly ask: (request: WorkerRequest, what: string, deadline: number) => Promise<WorkerReply>
  readonly close: () => Promise<void>
  /** Whether nothing ended it so far. */
  readonly isRunning: () => boolean
}

const seconds = (ms: number): string => `${ms < 1000 ? (ms / 1000).toFixed(2) : Math.round(ms / 1000)} s`

/** Why the process ended, where nobody asked it to. */
function endOf(code: number | null, signal: NodeJS.Signals | null, memory: number): TokenizerError {
  // V8 aborts at the end of its heap
  const isOutOfMemory = signal === 'SIGABRT' || code === 134
  return isOutOfMemory
    ? new TokenizerError('memory', `the tokenizer needs more than ${memory} MiB of memory`)
    : new TokenizerError('failed', 'the tokenizer is closed')
}

/** Starts the process with so many MiB of heap. It keeps the caller's alive only during a question. */
export function startProcess(memory: number): TokenizerProcess {
  const library = createRequire(import.meta.url).resolve('@huggingface/tokenizers')
  const child = spawn(process.execPath, [`--max-old-space-size=${memory}`, '-e', program(library)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env: {},
    windowsHide: true,
  })
  let ended: TokenizerError | null = null
  let answer: { readonly take: (reply: WorkerReply) => void; readonly fail: (error: TokenizerError) => void } | null = null
  const end = (error: TokenizerError): void => {
    ended ??= error
    answer?.fail(ended)
  }
  child.on('message', (reply) => answer?.take(reply as WorkerReply))
  child.on('error', (error) => end(new TokenizerError('failed', `the tokenizer ended: ${error.message}`)))
  const exit = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      end(endOf(code, signal, memory))
      resolve()
    })
  })
  child.unref()
  child.channel?.unref()
  return {
    ask: async (request, what, deadline) => {
      if (ended !== null) throw ended
      let timer: NodeJS.Timeout | undefined
      child.channel?.ref()
      try {
        return await new Promise<WorkerReply>((take, fail) => {
          answer = { take, fail }
          timer = setTimeout(() => {
            end(new TokenizerError('deadline', `${what} took longer than ${seconds(deadline)}`))
            child.kill('SIGKILL')
          }, deadline)
          child.send(request, (error) => error !== null && end(new TokenizerError('failed', 'the tokenizer is closed')))
        })
      } finally {
        answer = null
        clearTimeout(timer)
        child.channel?.unref()
      }
    },
    isRunning: () => ended === null,
    close: async () => {
      child.ref()
      child.kill('SIGKILL')
      await exit
    },
  }
}
