/**
 * A process that a library runs in, which works on what a file says. What it throws comes back as a message; what does not end
 * is killed. A thread would not do: V8 compiles some regular expressions in exponential time, and ends no thread meanwhile.
 */
import { spawn } from 'node:child_process'
import { TokenizerError } from './tokenizer/errors.ts'

export interface LibraryProcess<Request, Reply> {
  /**
   * Throws a TokenizerError: after the deadline (milliseconds, from when the process has started), out of memory, and for what
   * the library throws.
   */
  readonly ask: (request: Request, what: string, deadline: number) => Promise<Reply>
  readonly close: () => Promise<void>
  /** Whether nothing ended it so far. */
  readonly isRunning: () => boolean
}

export interface ProcessOptions {
  /** The path of the library. */
  readonly library: string
  /**
   * What is sent there as text, with the library and a port: a function that refers to nothing outside of itself. Each request
   * has one reply.
   */
  readonly serve: (library: never, port: never) => void
  /** MiB of heap. */
  readonly memory: number
  /** What it is in messages: "the tokenizer". */
  readonly name: string
}

/** How the function in the process hears requests and answers them. */
export interface Port<Request, Reply> {
  readonly post: (reply: Reply) => void
  readonly onMessage: (receive: (request: Request) => void) => void
}

/** Quiet: libraries warn on the console. */
const program = ({ serve, library }: ProcessOptions): string => `console.warn = console.log = console.error = () => {}
process.on('disconnect', () => process.exit())
;(${String(serve)})(require(${JSON.stringify(library)}), {
  post: (m) => process.send(m),
  onMessage: (f) => process.on('message', f),
})
process.send(null)`

/** Milliseconds that a process may take to start, on a crowded machine. */
const STARTING = 60_000

const seconds = (ms: number): string => `${ms < 1000 ? (ms / 1000).toFixed(2) : Math.round(ms / 1000)} s`

/** Why the process ended, where nobody asked it to. */
function endOf(code: number | null, signal: NodeJS.Signals | null, { memory, name }: ProcessOptions): TokenizerError {
  // V8 aborts at the end of its heap
  const isOutOfMemory = signal === 'SIGABRT' || code === 134
  return isOutOfMemory
    ? new TokenizerError('memory', `${name} needs more than ${memory} MiB of memory`)
    : new TokenizerError('failed', `${name} is closed`)
}

/** It keeps the caller's process alive only during a question. */
export function startLibrary<Request extends object, Reply>(options: ProcessOptions): LibraryProcess<Request, Reply> {
  const { memory, name } = options
  const child = spawn(process.execPath, [`--max-old-space-size=${memory}`, '-e', program(options)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env: {},
    windowsHide: true,
  })
  let ended: TokenizerError | null = null
  let isStarted = false
  /** Who waits: for the start, which null tells, or for a reply. */
  let waiting: { readonly take: (reply: Reply | null) => void; readonly fail: (error: TokenizerError) => void } | null = null
  const end = (error: TokenizerError): void => {
    ended ??= error
    waiting?.fail(ended)
  }
  child.on('message', (reply) => {
    isStarted = true
    waiting?.take(reply as Reply | null)
  })
  child.on('error', (error) => end(new TokenizerError('failed', `${name} ended: ${error.message}`)))
  const exit = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      end(endOf(code, signal, options))
      resolve()
    })
  })
  child.unref()
  child.channel?.unref()
  /** The next message, after `begin`. */
  async function next(what: string, deadline: number, begin: () => void): Promise<Reply | null> {
    if (ended !== null) throw ended
    let timer: NodeJS.Timeout | undefined
    child.channel?.ref()
    try {
      return await new Promise<Reply | null>((take, fail) => {
        waiting = { take, fail }
        timer = setTimeout(() => {
          end(new TokenizerError('deadline', `${what} took longer than ${seconds(deadline)}`))
          child.kill('SIGKILL')
        }, deadline)
        begin()
      })
    } finally {
      waiting = null
      clearTimeout(timer)
      child.channel?.unref()
    }
  }
  return {
    ask: async (request, what, deadline) => {
      if (!isStarted) await next(`the start of ${name}`, STARTING, () => {})
      const reply = await next(what, deadline, () => {
        child.send(request, (error) => error !== null && end(new TokenizerError('failed', `${name} is closed`)))
      })
      if (reply === null) throw new Error('a process started twice')
      return reply
    },
    isRunning: () => ended === null,
    close: async () => {
      child.ref()
      child.kill('SIGKILL')
      await exit
    },
  }
}
