/** `smoe import DIR`: a readable spec for a checkpoint in the Hugging Face layout. */
import type { Command } from 'commander'
import type { CommandModule, Context } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { explainTable } from '../import/explain.ts'
import { importFrom, type ImportOptions } from '../import/from.ts'
import { keepApart } from '../overwriting.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends ImportOptions {
  readonly output?: string
  readonly explain?: boolean
}

async function importCheckpoint(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  if (options.output !== '-')
    keepApart(
      [['-o', options.output]],
      [
        ['the checkpoint', typed],
        ['--weights', options.weights],
      ],
      terminal,
    )
  const { spec, notes, fields } = await importFrom(typed, options, terminal)
  for (const note of notes) terminal.err(`note: ${note}\n`)
  if (options.explain === true) terminal.out(explainTable(fields))
  if (options.output === undefined && options.explain === true) return EXIT.ok
  if (options.output === undefined || options.output === '-') terminal.out(spec)
  else {
    await writeWhole(options.output, spec, terminal)
    terminal.err(`wrote ${options.output}\n`)
  }
  return EXIT.ok
}

export const importCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<dir>', 'folder of the checkpoint, or its config.json')
      .option('-o, --output <file>', 'where to write the spec; standard output by default')
      .option('--explain', 'prints what each field of the config became; the spec as well where -o is given')
      .option('--as <type>', "takes this row of the table in the place of the one that 'model_type' names")
      .option('--weights <path>', 'the weights that the spec is checked against, where they are not beside the config')
      .option('--allow-unread', 'writes a spec though tensors of the checkpoint are not read by it')
      .action(run((typed: string, options: Options) => importCheckpoint(typed, options, terminal))),
}
