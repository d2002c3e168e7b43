/** Starts the process of a candidate and asks it, one question at a time. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Candidate } from './candidates.ts'
import type { Reply, Request } from './protocol.ts'

export interface RunnerProcess {
  readonly candidate: Candidate
  /** Its first reply. */
  readonly opened: Reply
  readonly ask: (request: Request) => Promise<Reply>
  readonly end: () => Promise<void>
}

export interface StartOptions {
  /** Where the problem lies. */
  readonly folder: string
  /** The interpreter that torch is looked for in. */
  readonly python: string
}

const PATIENCE = 120_000
const ENDING = 5_000

function start(candidate: Candidate, { folder, python }: StartOptions): ChildProcess {
  const [command, args] =
    candidate.kind === 'python'
      ? [python, [candidate.program, folder]]
      : [process.execPath, [process.argv[1], '--serve', candidate.name, folder]]
  return spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] })
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

/** Resolves with how it ended, or that it could not be started. */
function endOf(child: ChildProcess): Promise<Reply> {
  let talk = ''
  child.stderr?.on('data', (data: Buffer) => (talk = (talk + data.toString()).slice(-2000)))
  return new Promise((resolve) => {
    child.on('error', ({ message, ...problem }: NodeJS.ErrnoException) =>
      resolve({ kind: problem.code === 'ENOENT' ? 'absent' : 'failed', reason: message }),
    )
    child.on('close', (code, signal) => resolve({ kind: 'failed', reason: `ended with ${code ?? signal}: ${lastLine(talk)}` }))
  })
}

const tooLate = (): { readonly reply: Promise<Reply>; readonly clear: () => void } => {
  let timer: NodeJS.Timeout
  const reply = new Promise<Reply>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'failed', reason: `no reply in ${PATIENCE / 1000} s` }), PATIENCE)
  })
  return { reply, clear: () => clearTimeout(timer) }
}

export async function startRunner(candidate: Candidate, options: StartOptions): Promise<RunnerProcess> {
  const child = start(candidate, options)
  // a process that has ended takes no request; `end` says why
  child.stdin?.on('error', () => {})
  const end = endOf(child)
  const lines = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]()
  const next = async (): Promise<Reply> => {
    const late = tooLate()
    const line = lines.next().then(({ value, done }) => (done === true ? end : (JSON.parse(value as string) as Reply)))
    return Promise.race([line, late.reply]).finally(late.clear)
  }
  const opened = await next()
  return {
    candidate,
    opened,
    ask: async (request) => {
      child.stdin?.write(`${JSON.stringify(request)}\n`)
      return next()
    },
    end: async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      child.stdin?.end(`${JSON.stringify({ kind: 'close' } satisfies Request)}\n`)
      const timer = setTimeout(() => child.kill('SIGKILL'), ENDING)
      await once(child, 'exit')
      clearTimeout(timer)
    },
  }
}
