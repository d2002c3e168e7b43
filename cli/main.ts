/** The program `smoe`. */
import { runCommandLine } from './program.ts'
import { processTerminal } from './terminal.ts'

// `smoe ... | head` closes the pipe early: that is no fault
process.stdout.on('error', (problem: NodeJS.ErrnoException) => {
  if (problem.code === 'EPIPE') process.exit(0)
  throw problem
})

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal())
