/** How the program ends, and the failures that end it early. */

export const EXIT = {
  ok: 0,
  diagnostics: 1,
  usage: 2,
  noAdapter: 3,
  numbersDiffer: 4,
  badCheckpoint: 5,
  requirementMissed: 6,
  bug: 70,
  /** As a shell says it of a program that Ctrl-C has ended. */
  interrupted: 130,
  /** Stopped by SIGTERM, which job schedulers send, or by SIGHUP, when a terminal closes. */
  terminated: 143,
  hungUp: 129,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with a message for the user and a code; no stack is shown. */
export class Failure extends Error {
  readonly code: ExitCode
  readonly help: string | null

  constructor(code: ExitCode, message: string, help: string | null = null) {
    super(message)
    this.name = 'Failure'
    this.code = code
    this.help = help
  }
}
