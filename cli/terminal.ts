/** The world a command sees: where it prints and from where it reads. Tests give it another. */
import { fstatSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { FileError } from '../runtime/errors.ts'
import { readUpTo, reasonOf } from '../runtime/files/index.ts'

export interface Terminal {
  /** Data. */
  readonly out: (text: string) => void
  /** Talk. */
  readonly err: (text: string) => void
  readonly outHasColor: boolean
  readonly errHasColor: boolean
  /** Whether a line on stderr may be drawn over. */
  readonly errIsLive: boolean
  readonly columns: number
  /** Standard input as text, at most so many bytes of it. */
  readonly readInput: (limit: number) => string
  /** Lines of standard input as they are typed, each after a prompt where it is a terminal. */
  readonly lines: (prompt: string) => AsyncIterable<string>
  /** An absolute path from one as the user typed it. */
  readonly path: (typed: string) => string
}

function hasColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0'
  return stream.isTTY && TERM !== 'dumb'
}

/** Writes synchronously and reports errors. */
function isFile(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor)
    return stats.isFile() || (stats.isCharacterDevice() && !process.stdout.isTTY)
  } catch {
    return false
  }
}

/** Node ignores short writes to files: on a full disk the rest would be lost silently. */
function writeAll(text: string): void {
  const bytes = new TextEncoder().encode(text)
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done)
  } catch (problem) {
    throw new FileError('standard output', `cannot be written: ${reasonOf(problem)}`)
  }
}

/** Waits briefly for more standard input. */
const pause = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)

/** Ends where the input does, or at Ctrl-C. */
async function* typedLines(prompt: string): AsyncIterable<string> {
  // loaded where somebody types: it takes longer than most of Node's modules
  const { createInterface } = await import('node:readline')
  const isTyped = process.stdin.isTTY && process.stderr.isTTY
  const typed = createInterface({ input: process.stdin, output: isTyped ? process.stderr : undefined, prompt })
  typed.on('SIGINT', () => typed.close())
  if (isTyped) typed.prompt()
  for await (const line of typed) {
    yield line
    if (isTyped) typed.prompt()
  }
}

export const processTerminal = (): Terminal => ({
  out: isFile(1) ? writeAll : (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outHasColor: hasColor(process.stdout),
  errHasColor: hasColor(process.stderr),
  errIsLive: process.stderr.isTTY && process.env.TERM !== 'dumb',
  columns: process.stdout.columns ?? 100,
  readInput: (limit) => readUpTo(0, limit, pause).toString('utf8'),
  lines: typedLines,
  path: (typed) => resolve(typed),
})
