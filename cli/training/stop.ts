/** Signals that end long work after the step that it is in. */
import { EXIT, type ExitCode } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

/** How the program ends that a signal has stopped: as a shell says it, 128 and the number of the signal. */
const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const satisfies Partial<
  Record<NodeJS.Signals, ExitCode>
>

const SIGNALS = Object.keys(CODES) as (keyof typeof CODES)[]

export interface Stop {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
  /** How a run that was stopped ends. */
  readonly code: () => ExitCode
  /** Listens no longer. */
  readonly end: () => void
}

/**
 * Listens for the first signal, so that the step (`work`) is finished and saved; the second, of any kind, ends the program as it
 * would any other.
 */
export function createStop(terminal: Terminal, work = 'step'): Stop {
  const stop = new AbortController()
  let code: ExitCode = EXIT.interrupted
  const onSignal = (signal: keyof typeof CODES): void => {
    end()
    code = CODES[signal] ?? EXIT.interrupted
    stop.abort()
    terminal.err(`\nstopping after this ${work}; once more to stop at once\n`)
  }
  const end = (): void => SIGNALS.forEach((signal) => void process.removeListener(signal, onSignal))
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return { signal: stop.signal, code: () => code, end }
}
