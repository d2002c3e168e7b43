/** The program `smoe`. */
import { reasonOf } from '../runtime/files/index.ts'
import { EXIT } from './exit.ts'
import { runCommandLine } from './program.ts'
import { processTerminal } from './terminal.ts'

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

const code = await runCommandLine(process.argv.slice(2), processTerminal())
process.exitCode = outputFailed ? EXIT.usage : code
