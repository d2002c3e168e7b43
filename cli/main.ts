/** The program `smoe`. */
import { runCommandLine } from './program.ts'
import { processTerminal } from './terminal.ts'

// `smoe ... | head` closes the pipe early: that is no fault, and what the command found still decides how it ends
process.stdout.on('error', (problem: NodeJS.ErrnoException) => {
  if (problem.code !== 'EPIPE') throw problem
})

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal())
