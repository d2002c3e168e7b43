/** `smoe export --to hf|torch MODEL -o DIR`: a folder that transformers and other programs load, or a module of Python. */
import { Option, type Command } from 'commander'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { hubFolder } from '../export/export.ts'
import { openGiven } from '../export/given.ts'
import { checkNew, EXPORTED_AS, shardOption } from '../export/options.ts'
import { reportJson, reportText } from '../export/report.ts'
import { peftFiles } from '../export/peft.ts'
import { exportTorch } from '../export/torch.ts'
import { writeFolder } from '../export/write.ts'
import { plural, writeJson } from '../output.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import { openWeights } from '../run/weights.ts'
import { ResumeError } from '../../training/errors.ts'
import { readRun } from '../../training/files/run.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption {
  readonly to: 'hf' | 'torch' | 'peft'
  readonly output: string
  readonly weights?: string
  readonly config?: string
  readonly weightsAs: WeightFormatOptions['weightsAs']
  readonly shardSize: number
  readonly set: readonly string[]
  readonly model?: string
  readonly root?: string
}

/** The pairs of a run, apart from the weights beside which they stand. */
async function exportPairs(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { output, weights, config, set, model, root, format } = options
  if (format === 'json') throw new Failure(EXIT.usage, '--format json goes with --to hf')
  if (weights === undefined)
    throw new Failure(EXIT.usage, '--to peft writes the low-rank pairs of a run', 'name the run with --weights RUN')
  const { saved } = await readRun(terminal.path(weights)).catch((problem: unknown) => {
    throw problem instanceof ResumeError ? new Failure(EXIT.badCheckpoint, problem.message) : problem
  })
  const given = await openGiven(typed, { weights, config, spec: { set, model, root } }, terminal)
  const { adapters = [] } = saved.recipe
  await writeFolder(output, peftFiles(adapters, given.model.ports, saved.state, typed), `wrote ${output}`, terminal)
  terminal.out(`${given.type}: ${plural(adapters.length, 'low-rank pair')}, for the weights of ${typed}\n`)
  return EXIT.ok
}

async function exportModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { output, weights, config, weightsAs, shardSize, set, model, root, format } = options
  checkNew(output, terminal)
  if (options.to === 'peft') return exportPairs(typed, options, terminal)
  if (options.to === 'torch') {
    if (config !== undefined) throw new Failure(EXIT.usage, '--config goes with --to hf')
    if (format === 'json') throw new Failure(EXIT.usage, '--format json goes with --to hf')
    terminal.out(await exportTorch(typed, { output, weights, as: EXPORTED_AS[weightsAs], set, model, root }, terminal))
    return EXIT.ok
  }
  const given = await openGiven(typed, { weights, config, spec: { set, model, root } }, terminal)
  const { checkpoint } = await openWeights(given.weights, terminal)
  try {
    const folder = hubFolder(given, checkpoint, { as: EXPORTED_AS[weightsAs], shard: shardSize }, terminal)
    for (const note of given.notes) terminal.err(`note: ${note}\n`)
    await writeFolder(output, folder.files, `wrote ${output}`, terminal)
    const report = { type: given.type, from: typed, to: output, folder, notes: given.notes }
    if (format === 'json') writeJson(terminal, reportJson(report))
    else terminal.out(reportText(report))
    return EXIT.ok
  } finally {
    await checkpoint.close()
  }
}

export const exportCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec with --weights')
      .addOption(
        new Option(
          '--to <layout>',
          'hf: config.json and safetensors, as models lie on the Hugging Face hub; torch: a module of Python; peft: the low-rank pairs of a run',
        )
          .choices(['hf', 'torch', 'peft'])
          .makeOptionMandatory(),
      )
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
      .option('--weights <path>', 'the weights of a spec: a checkpoint, or a run of smoe train')
      .option(
        '--config <dir>',
        'config.json of the architecture, and the files beside it, for a spec (default: beside --weights)',
      )
      .addOption(weightsAsOption())
      .addOption(shardOption())
      .addOption(setOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => exportModel(typed, options, terminal))),
}
