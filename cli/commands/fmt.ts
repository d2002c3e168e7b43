/** `smoe fmt SPEC...`: the canonical form, comments kept. */
import type { Command } from 'commander'
import type { Source } from '../../grammar/source.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { hasErrors, writeFrames } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { isInput, readSource } from '../load.ts'
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

async function formatOne(path: string, isCheck: boolean, terminal: Terminal): Promise<'same' | 'changed' | 'broken'> {
  const source = readSource(path, terminal)
  const text = canonical(source, terminal)
  if (text === null) return 'broken'
  if (isInput(path) && !isCheck) terminal.out(text)
  else if (text !== source.text && !isCheck) await writeWhole(path, text, terminal)
  return text === source.text ? 'same' : 'changed'
}

async function formatSpecs(
  paths: readonly string[],
  { check: isCheck = false, format }: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const isText = paths.some(isInput) && !isCheck
  if (isText && format === 'json')
    throw new Failure(EXIT.usage, 'standard output holds the text of -, no list', 'leave out --format json')
  const results: { path: string; result: 'same' | 'changed' | 'broken' }[] = []
  for (const path of paths) results.push({ path, result: await formatOne(path, isCheck, terminal) })
  const having = (wanted: string): readonly string[] => results.filter(({ result }) => result === wanted).map(({ path }) => path)
  const [changed, broken] = [having('changed'), having('broken').length]
  writeList(
    terminal,
    format,
    changed.filter((path) => !isInput(path) || isCheck),
  )
  if (changed.length > 0 && isCheck) terminal.err(`${plural(changed.length, 'file is', 'files are')} not in canonical form\n`)
  if (broken > 0) terminal.err(`${plural(broken, 'file has', 'files have')} mistakes and stayed as they are\n`)
  return broken > 0 || (isCheck && changed.length > 0) ? EXIT.diagnostics : EXIT.ok
}

export const fmt: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument(
        '<spec...>',
        'files to rewrite in place, the changed ones are listed; - reads standard input and writes to standard output',
      )
      .option('--check', 'change nothing; list the files that would change and exit with 1 where there is one')
      .addOption(formatOption())
      .action(run((paths: readonly string[], options: Options) => formatSpecs(paths, options, terminal))),
}
