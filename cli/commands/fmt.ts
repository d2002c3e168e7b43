/** `smoe fmt SPEC...`: the canonical form, comments kept. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Source } from '../../grammar/source.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { hasErrors, writeFrames } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { readSource } from '../load.ts'
import { plural, writeList } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption {
  readonly check?: boolean
}

/** The canonical text, or null where the source cannot be read as a spec. */
function canonical(source: Source, terminal: Terminal): string | null {
  const { file, diagnostics } = parse(source)
  if (!hasErrors(diagnostics)) return print(file)
  writeFrames(diagnostics, terminal.err, terminal.errHasColor)
  return null
}

/** In place: a link stays a link, and the file keeps its permissions. */
function rewrite(path: string, text: string, terminal: Terminal): void {
  try {
    writeFileSync(terminal.path(path), text)
  } catch (problem) {
    throw new Failure(EXIT.usage, `cannot write '${path}': ${(problem as Error).message}`)
  }
}

function formatOne(path: string, isCheck: boolean, terminal: Terminal): 'same' | 'changed' | 'broken' {
  const source = readSource(path, terminal)
  const text = canonical(source, terminal)
  if (text === null) return 'broken'
  if (path === '-' && !isCheck) terminal.out(text)
  else if (text !== source.text && !isCheck) rewrite(path, text, terminal)
  return text === source.text ? 'same' : 'changed'
}

function formatSpecs(paths: readonly string[], { check: isCheck = false, format }: Options, terminal: Terminal): ExitCode {
  const isText = paths.includes('-') && !isCheck
  if (isText && format === 'json') throw new Failure(EXIT.usage, 'standard output holds the text of -, no list', 'leave out --format json')
  const results = paths.map((path) => ({ path, result: formatOne(path, isCheck, terminal) }))
  const having = (wanted: string): readonly string[] => results.filter(({ result }) => result === wanted).map(({ path }) => path)
  const [changed, broken] = [having('changed'), having('broken').length]
  writeList(terminal, format, changed.filter((path) => path !== '-' || isCheck))
  if (changed.length > 0 && isCheck) terminal.err(`${plural(changed.length, 'file is', 'files are')} not in canonical form\n`)
  if (broken > 0) terminal.err(`${plural(broken, 'file has', 'files have')} mistakes and stayed as they are\n`)
  return broken > 0 || (isCheck && changed.length > 0) ? EXIT.diagnostics : EXIT.ok
}

export const fmt: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec...>', 'files to rewrite in place, the changed ones are listed; - reads standard input and writes to standard output')
      .option('--check', 'change nothing; list the files that would change and exit with 1 where there is one')
      .addOption(formatOption())
      .action(run((paths: readonly string[], options: Options) => formatSpecs(paths, options, terminal))),
}
