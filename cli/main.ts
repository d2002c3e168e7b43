/** The program `smoe`: runs as it is loaded. */
import { reasonOf } from '../runtime/files/index.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { runCommandLine } from './program.ts'
import { processTerminal } from './terminal.ts'
import { optimiseLater } from './v8.ts'

optimiseLater()

let outputFailed = false

// `smoe ... | head` closes the pipe early: that is not an error, and the exit code stays that of the command
process.stdout.on('error', (problem: NodeJS.ErrnoException) => {
  if (problem.code === 'EPIPE' || outputFailed) return
  outputFailed = true
  process.exitCode = EXIT.usage
  process.stderr.write(`smoe: standard output cannot be written: ${reasonOf(problem)}\n`)
})
// stderr is closed too
process.stderr.on('error', () => {})

async function runProcess(): Promise<ExitCode> {
  const code = await runCommandLine(process.argv.slice(2), processTerminal())
  const whole = outputFailed ? EXIT.usage : code
  process.exitCode = whole
  return whole
}

/** Resolves to the exit code. */
export const finished: Promise<ExitCode> = runProcess()
