/** `smoe fmt SPEC...`: the canonical form, comments kept. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Source } from '../../grammar/source.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import type { CommandModule, Context } from '../command.ts'
import { hasErrors, writeFrames } from '../diagnostics.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { readSource } from '../load.ts'
import { plural } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly check?: boolean
}

/** The canonical text, or null where the source cannot be read as a spec. */
function canonical(source: Source, terminal: Terminal): string | null {
  const { file, diagnostics } = parse(source)
  if (!hasErrors(diagnostics)) return print(file)
  writeFrames(diagnostics, terminal.err, terminal.errHasColor)
  return null
}

function formatOne(path: string, isCheck: boolean, terminal: Terminal): 'same' | 'changed' | 'broken' {
  const source = readSource(path, terminal)
  const text = canonical(source, terminal)
  if (text === null) return 'broken'
  if (path === '-' && !isCheck) terminal.out(text)
  else if (text !== source.text) {
    terminal.out(`${path}\n`)
    if (!isCheck) writeFileSync(terminal.path(path), text)
  }
  return text === source.text ? 'same' : 'changed'
}

function formatSpecs(paths: readonly string[], options: Options, terminal: Terminal): ExitCode {
  const isCheck = options.check === true
  const results = paths.map((path) => formatOne(path, isCheck, terminal))
  const count = (result: string): number => results.filter((one) => one === result).length
  const [changed, broken] = [count('changed'), count('broken')]
  if (changed > 0 && isCheck) terminal.err(`${plural(changed, 'file is', 'files are')} not in canonical form\n`)
  if (broken > 0) terminal.err(`${plural(broken, 'file has', 'files have')} mistakes and stayed as they are\n`)
  return broken > 0 || (isCheck && changed > 0) ? EXIT.diagnostics : EXIT.ok
}

export const fmt: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec...>', 'files to rewrite in place, the changed ones are listed; - reads standard input and writes to standard output')
      .option('--check', 'change nothing; list the files that would change and exit with 1 where there is one')
      .action(run((paths: readonly string[], options: Options) => formatSpecs(paths, options, terminal))),
}
