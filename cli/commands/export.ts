/** `smoe export --to hf MODEL -o DIR`: a folder that transformers and other programs load. */
import { existsSync } from 'node:fs'
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
import { reportJson, reportText } from '../export/report.ts'
import { writeFolder } from '../export/write.ts'
import type { WeightsAs } from '../export/tensors.ts'
import { writeJson } from '../output.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption {
  readonly to: 'hf'
  readonly output: string
  readonly weights?: string
  readonly config?: string
  readonly weightsAs: WeightFormatOptions['weightsAs']
  readonly shardSize: number
  readonly set: readonly string[]
  readonly model?: string
  readonly root?: string
}

const AS: { readonly [F in Options['weightsAs']]: WeightsAs } = { shipped: 'shipped', f32: 'F32', bf16: 'BF16', f16: 'F16' }

async function exportModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { output, weights, config, weightsAs, shardSize, set, model, root, format } = options
  if (existsSync(terminal.path(output)))
    throw new Failure(EXIT.usage, `'${output}' is there already`, 'an export is written into a folder of its own')
  const given = await openGiven(typed, { weights, config, spec: { set, model, root } }, terminal)
  const { checkpoint } = await openWeights(given.weights, terminal)
  try {
    const folder = hubFolder(given, checkpoint, { as: AS[weightsAs], shard: shardSize }, terminal)
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

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** `5GB` in bytes. */
function sizeOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([KMGT]?B)$/i.exec(text) ?? []
  const size = Math.floor(Number(number) * UNITS[unit?.toUpperCase()])
  if (size >= 1) return size
  throw new Failure(EXIT.usage, `'${text}' is not a size`, 'write a number and B, KB, MB or GB, for example --shard-size 5GB')
}

export const exportCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec with --weights')
      .addOption(
        new Option('--to <layout>', 'hf: config.json and safetensors, as models lie on the Hugging Face hub')
          .choices(['hf'])
          .makeOptionMandatory(),
      )
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
      .option('--weights <path>', 'the weights of a spec: a checkpoint, or a run of smoe train')
      .option(
        '--config <dir>',
        'config.json of the architecture, and the files beside it, for a spec (default: beside --weights)',
      )
      .addOption(weightsAsOption())
      .addOption(new Option('--shard-size <size>', 'the most that a file of weights holds').argParser(sizeOf).default(5e9, '5GB'))
      .addOption(setOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => exportModel(typed, options, terminal))),
}
