/** `smoe quantize MODEL --to FORMAT -o DIR`: a folder whose weights take fewer bits. */
import { Option, type Command } from 'commander'
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
import { addTextOptions, compareWithOriginal, hasText, textsFor, type OnTexts } from '../eval/comparison.ts'
import type { TextOptions } from '../eval/texts.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { openGiven, type Given } from '../export/given.ts'
import { checkNew, shardOption } from '../export/options.ts'
import { writeFolder } from '../export/write.ts'
import { readText } from '../load.ts'
import { writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { parseChoices } from '../quantize/choice.ts'
import type { Rules } from '../quantize/choose.ts'
import { FORMATS, isInteger, type Format } from '../quantize/formats.ts'
import { quantizedFolder } from '../quantize/quantize.ts'
import { quantizeJson, quantizeText } from '../quantize/report.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, TextOptions {
  readonly to: Format
  readonly output: string
  readonly group?: number
  readonly zeroPoints?: true
  readonly search?: true
  readonly only?: 'experts'
  readonly keepRouter?: boolean
  readonly choice?: string
  readonly weights?: string
  readonly config?: string
  readonly context: number
  readonly shardSize: number
}

/** As int4 is published most. */
const GROUP = 128
const SMALLEST_GROUP = 32

function groupOf(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= SMALLEST_GROUP && Number.isInteger(Math.log2(value))) return value
  throw new Failure(EXIT.usage, `'${text}' is not a group`, `write a power of two from ${SMALLEST_GROUP} on`)
}

/** Options of integers, where another format was asked for. */
function checkOptions({ to, group, zeroPoints, search }: Options): void {
  if (isInteger(to)) return
  const given = Object.entries({ '--group': group, '--zero-points': zeroPoints, '--search': search })
  const odd = given.find(([, value]) => value !== undefined)
  if (odd !== undefined) throw new Failure(EXIT.usage, `${odd[0]} goes with int8 and int4, not with ${to}`)
}

const rulesOf = ({ to, only, keepRouter, choice }: Options, terminal: Terminal): Rules => ({
  to,
  onlyExperts: only !== undefined,
  // published checkpoints leave routers out of codes; bf16 is what they are published in
  keepsRouter: keepRouter ?? to !== 'bf16',
  choices: choice === undefined ? null : { lines: parseChoices(readText(choice, terminal), choice), name: choice },
})

async function quantizeGiven(
  typed: string,
  given: Given,
  onTexts: OnTexts | null,
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const { to, output, group = GROUP, zeroPoints = false, search = false, shardSize, weights, context, set, model, root } = options
  const rules = rulesOf(options, terminal)
  const { checkpoint } = await openWeights(given.weights, terminal)
  let draw: (done: number, all: number) => void = () => {}
  try {
    const request = {
      rules,
      codes: { group, hasZero: zeroPoints },
      searches: search,
      shard: shardSize,
      onProgress: (done: number, all: number) => draw(done, all),
    }
    const quantized = quantizedFolder(given, checkpoint, request, terminal)
    const { folder } = quantized
    const notes = [...given.notes, ...quantized.notes]
    for (const note of notes) terminal.err(`note: ${note}\n`)
    const progress = createProgress(terminal, 'quantised', 1)
    draw = (done, all) => progress.update(done / all)
    await writeFolder(output, folder.files, `wrote ${output}`, terminal).finally(() => progress.end())
    const original = { typed, weights, weightsAs: 'shipped', spec: { set, model, root } } as const
    const changed = { typed: output }
    const evaluation = onTexts === null ? null : await compareWithOriginal(changed, original, onTexts, context, terminal)
    const bytesBefore = [...(checkpoint.apart ?? checkpoint).tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    const exported = { type: given.type, from: typed, to: output, folder, notes }
    const report = { to, tensors: quantized.tensors(), bytesBefore, exported, evaluation }
    if (options.format === 'json') writeJson(terminal, quantizeJson(report))
    else terminal.out(quantizeText(report))
    return EXIT.ok
  } finally {
    await checkpoint.close()
  }
}

async function quantizeModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { output, weights, config, set, model, root } = options
  checkNew(output, terminal)
  checkOptions(options)
  const reads = hasText(options)
  if (reads && typed.endsWith('.gguf'))
    throw new Failure(
      EXIT.usage,
      'tokens are run through a folder or a spec',
      'write the GGUF file as a folder first: smoe export --to hf',
    )
  const texts = reads ? await textsFor(typed, options, terminal) : null
  const given = await openGiven(typed, { weights, config, spec: { set, model, root } }, terminal)
  if (texts === null) return quantizeGiven(typed, given, null, options, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    return await quantizeGiven(typed, given, { texts, device }, options, terminal)
  } finally {
    device?.dispose()
  }
}

export const quantize: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addTextOptions(command)
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec with --weights')
      .addOption(new Option('--to <format>', 'what weights are stored as').choices(FORMATS).makeOptionMandatory())
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
      .addOption(
        new Option('--group <numbers>', `numbers of a row that share a scale of int8 and int4 (${GROUP})`).argParser(groupOf),
      )
      .option('--zero-points', 'a zero point for each group of int8 and int4; without, codes are symmetric')
      .option('--search', 'searches scales of int8 and int4 for the least squared error, in the place of the largest number')
      .addOption(new Option('--only <weights>', 'quantises routed experts alone').choices(['experts']))
      .option('--keep-router', 'leaves routers as they are: so it is unless the format is bf16')
      .option('--no-keep-router', 'quantises routers too')
      .option('--choice <file>', 'formats by weight, a line each: layers.0.moe.experts.3 = int8, or = keep')
      .option('--weights <path>', 'the weights of a spec: a checkpoint, or a run of smoe train')
      .option(
        '--config <dir>',
        'config.json of the architecture, and the files beside it, for a spec (default: beside --weights)',
      )
      .addOption(shardOption())
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(setOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => quantizeModel(typed, options, terminal))),
}
