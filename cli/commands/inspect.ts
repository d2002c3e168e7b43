/** `smoe inspect DIR|SPEC`: the routed layers of a checkpoint, alone or beside those of another. */
import { Option, type Command } from 'commander'
import { textPieces } from '../../runtime/files/index.ts'
import type { SpecOptions } from '../checking.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { addTextOptions, hasText, textsFor } from '../eval/comparison.ts'
import type { TextOptions } from '../eval/texts.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { fileOf, writeTogether } from '../files.ts'
import { inspect as inspectModels, type Texts } from '../inspect/inspect.ts'
import { inspectPage } from '../inspect/page.ts'
import { inspectText, type InspectReport } from '../inspect/report.ts'
import type { GivenModel } from '../model/open.ts'
import { writeJson } from '../output.ts'
import { keepApart } from '../overwriting.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, TextOptions {
  readonly weights?: string
  readonly with?: string
  readonly withWeights?: string
  readonly spectra: number
  readonly context: number
  readonly page?: string
}

function refuseOverwriting(
  typed: string,
  { page, text = [], tokens, weights, with: other, withWeights }: Options,
  terminal: Terminal,
): void {
  keepApart(
    [['--page', page]],
    [
      ['the model', typed],
      ['--with', other],
      ...text.map((path) => ['--text', path] as const),
      ['--tokens', tokens],
      ['--weights', weights],
      ['--with-weights', withWeights],
    ],
    terminal,
  )
}

/** Runs the work with the texts and a place to run models on; null where no text is given. */
async function withTexts<T>(
  typed: string,
  options: Options,
  terminal: Terminal,
  work: (texts: Texts | null) => Promise<T>,
): Promise<T> {
  if (!hasText(options)) return work(null)
  const texts = await textsFor(typed, options, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    return await work({ texts, device, context: options.context })
  } finally {
    device?.dispose()
  }
}

async function inspectModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { weights, with: typedOther, withWeights, spectra, context, set, model, root, format, page } = options
  refuseOverwriting(typed, options, terminal)
  if (withWeights !== undefined && typedOther === undefined)
    throw new Failure(EXIT.usage, '--with-weights are those of the checkpoint of --with')
  if (typed.endsWith('.gguf') || typedOther?.endsWith('.gguf') === true)
    throw new Failure(EXIT.usage, 'a GGUF file is neither a folder nor a spec', 'write it as a folder first: smoe export --to hf')
  const given: GivenModel = { typed, weights, weightsAs: 'shipped', spec: { set, model, root } }
  const other: GivenModel | null =
    typedOther === undefined ? null : { typed: typedOther, weights: withWeights, weightsAs: 'shipped', spec: { set: [], root } }
  return withTexts(typed, options, terminal, async (texts) => {
    const found = await inspectModels({ given, other, spectra, texts }, terminal)
    for (const note of found.notes) terminal.err(`note: ${note}\n`)
    const report: InspectReport = {
      model: typed,
      with: typedOther ?? null,
      notes: found.notes,
      tokens:
        texts === null
          ? null
          : {
              count: texts.texts.reduce((sum, { tokens }) => sum + tokens.length, 0),
              context,
              adapter: texts.device?.choice.name ?? 'the reference, f64 on the CPU',
            },
      layers: found.layers,
    }
    if (page !== undefined) {
      const output = fileOf(page, textPieces(inspectPage(report)), terminal)
      await writeTogether([{ output, message: `wrote ${page}` }], terminal)
    }
    if (format === 'json') writeJson(terminal, report)
    else terminal.out(inspectText(report))
    return EXIT.ok
  })
}

function spectraOf(text: string): number {
  const value = text === 'all' ? Infinity : /^\d+$/.test(text) ? Number(text) : NaN
  if (!Number.isNaN(value)) return value
  throw new Failure(EXIT.usage, `'${text}' is not a number of experts`, 'write a whole number, or all')
}

export const inspect: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addTextOptions(command)
      .argument('<model>', 'folder of a checkpoint, or a spec with --weights')
      .option('--weights <path>', 'the weights of a spec: a checkpoint, or a run of smoe train')
      .option('--with <model>', 'another checkpoint, or spec, of the same layers: how its weights and its routing differ')
      .option('--with-weights <path>', 'the weights of the other, if it is a spec')
      .addOption(
        new Option('--spectra <experts>', 'experts of each layer whose matrices are decomposed: a number, or all')
          .argParser(spectraOf)
          .default(2),
      )
      .option('--page <file>', 'writes one self-contained page: open it in a browser')
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(setOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => inspectModel(typed, options, terminal))),
}
