/** The world a command sees: where it prints and from where it reads. Tests give it another. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

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
  /** The whole of standard input. */
  readonly readInput: () => string
  /** An absolute path from one as the user typed it. */
  readonly path: (typed: string) => string
}

function hasColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0'
  return stream.isTTY && TERM !== 'dumb'
}

export const processTerminal = (): Terminal => ({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outHasColor: hasColor(process.stdout),
  errHasColor: hasColor(process.stderr),
  errIsLive: process.stderr.isTTY && process.env.TERM !== 'dumb',
  columns: process.stdout.columns ?? 100,
  readInput: () => readFileSync(0, 'utf8'),
  path: (typed) => resolve(typed),
})
