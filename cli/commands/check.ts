/** `smoe check SPEC...`: every mistake at once. */
import type { Command } from 'commander'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { checkAnyway, type SpecOptions } from '../checking.ts'
import { countWords, diagnosticJson, hasErrors, inOrder, writeFrames } from '../diagnostics.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { plural, writeJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = SpecOptions & FormatOption

function checkSpecs(paths: readonly string[], options: Options, terminal: Terminal): ExitCode {
  const diagnostics = paths.flatMap((path) => checkAnyway(path, options, terminal).diagnostics)
  if (options.format === 'json') writeJson(terminal, inOrder(diagnostics).map(diagnosticJson))
  else writeFrames(diagnostics, terminal.out, terminal.outHasColor)
  const files = plural(paths.length, 'file')
  terminal.err(diagnostics.length === 0 ? `no mistakes in ${files}\n` : `${countWords(diagnostics)} in ${files}\n`)
  return hasErrors(diagnostics) ? EXIT.diagnostics : EXIT.ok
}

export const check: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec...>', 'files to check; - is standard input')
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((paths: readonly string[], options: Options) => checkSpecs(paths, options, terminal))),
}
