/** `smoe prune MODEL --by CRITERION --keep N -o DIR`: a folder with fewer experts a layer. */
import { Option, type Command } from 'commander'
import { evaluateTexts, type Evaluation, type Text } from '../../analysis/eval/evaluate.ts'
import type { Device } from '../../runtime/device.ts'
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
import { checkTextOptions, checkTokens, readTexts, readTokens, type TextOptions } from '../eval/texts.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { openGiven, type Given } from '../export/given.ts'
import { checkNew, EXPORTED_AS, shardOption } from '../export/options.ts'
import { writeFolder } from '../export/write.ts'
import { opener, withLoaded, type GivenModel } from '../model/open.ts'
import { textPorts } from '../model/ports.ts'
import { isFolder } from '../model/source.ts'
import { writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { aimerScores } from '../prune/aimer.ts'
import { CRITERIA, criterionOf, scoresOf, type Criterion } from '../prune/criteria.ts'
import { expertLayers, type ExpertLayer } from '../prune/layers.ts'
import { measure, MEASURED } from '../prune/measure.ts'
import { chosenLayers, prunedFolder } from '../prune/prune.ts'
import { pruneJson, pruneText } from '../prune/report.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, TextOptions, WeightFormatOptions {
  readonly by: string
  readonly keep: string
  readonly output: string
  readonly config?: string
  readonly context: number
  readonly shardSize: number
}

/** Texts, and a place to run models on; null where no text is given. */
interface Calibration {
  readonly texts: readonly Text[]
  readonly device: Device | null
}

const hasText = ({ text = [], tokens }: Options): boolean => text.length > 0 || tokens !== undefined

async function readCalibration(typed: string, options: Options, terminal: Terminal): Promise<readonly Text[]> {
  const { text = [], tokens, weights, deadline } = options
  checkTextOptions(options)
  if (tokens !== undefined) return readTokens(tokens, { model: 'the model' }, terminal)
  return readTexts(text, isFolder(typed, terminal) ? typed : (weights ?? null), deadline, terminal)
}

async function measuredScores(
  layers: readonly ExpertLayer[],
  criterion: Criterion & { readonly kind: 'measured' },
  original: GivenModel,
  { texts, device }: Calibration,
  context: number,
  terminal: Terminal,
): Promise<readonly Float64Array[]> {
  const count = texts.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const progress = createProgress(terminal, (done) => `${done} of ${count} tokens`, count)
  const { powers } = criterion
  try {
    return await withLoaded(device, terminal, { ...original, lower: MEASURED }, textPorts, async (loaded) => {
      checkTokens(texts, textPorts(loaded.compiled.plan).vocabulary, loaded.compiled.plan.model)
      const seen = await measure(loaded, { texts, context, powers, onProgress: (done) => progress.update(done) })
      return layers.map(({ path }) => scoresOf(seen.get(path)!, powers))
    })
  } finally {
    progress.end()
  }
}

/** The smaller model on the texts, with the original beside it. */
async function evaluate(
  smaller: string,
  original: GivenModel,
  { texts, device }: Calibration,
  context: number,
  terminal: Terminal,
): Promise<Evaluation> {
  const withModel = opener(device, terminal)
  return withModel({ typed: smaller, weightsAs: 'shipped', spec: { set: [] } }, (own) =>
    withModel(original, (other) =>
      evaluateTexts({ texts, context, stride: context, predict: own.predict, other: other.predict }),
    ),
  )
}

async function pruneGiven(
  typed: string,
  given: Given,
  criterion: Criterion,
  calibration: Calibration | null,
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const { by, keep, output, weights, weightsAs, shardSize, context, set, model, root, format } = options
  const original: GivenModel = { typed, weights, weightsAs: 'shipped', spec: { set, model, root } }
  const layers = expertLayers(given.model)
  const isHighest = criterion.kind === 'measured'
  const { checkpoint } = await openWeights(given.weights, terminal)
  try {
    // a number that does not go is told before anything is computed
    chosenLayers(
      layers,
      layers.map(({ experts }) => new Float64Array(experts)),
      keep,
      isHighest,
    )
    const scores =
      criterion.kind === 'aimer'
        ? await aimerScores(layers, checkpoint)
        : await measuredScores(layers, criterion, original, calibration!, context, terminal)
    const chosen = chosenLayers(layers, scores, keep, isHighest)
    const folder = prunedFolder(given, chosen, checkpoint, { as: EXPORTED_AS[weightsAs], shard: shardSize }, terminal)
    await writeFolder(output, folder.files, `wrote ${output}`, terminal)
    const exported = { type: given.type, from: typed, to: output, folder, notes: given.notes }
    const evaluation = calibration === null ? null : await evaluate(output, original, calibration, context, terminal)
    const report = { by, isHighest, layers: chosen, exported, evaluation }
    if (format === 'json') writeJson(terminal, pruneJson(report))
    else terminal.out(pruneText(report))
    return EXIT.ok
  } finally {
    await checkpoint.close()
  }
}

async function pruneModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { by, output, weights, config, set, model, root } = options
  checkNew(output, terminal)
  const criterion = criterionOf(by)
  const reads = hasText(options)
  if (criterion.kind === 'measured' && !reads)
    throw new Failure(
      EXIT.usage,
      `--by ${by} measures tokens`,
      'give --text FILE or --tokens FILE:TENSOR, or --by aimer, which needs none',
    )
  if (reads && typed.endsWith('.gguf'))
    throw new Failure(
      EXIT.usage,
      'tokens are run through a folder or a spec',
      'write the GGUF file as a folder first: smoe export --to hf',
    )
  const texts = reads ? await readCalibration(typed, options, terminal) : null
  const given = await openGiven(typed, { weights, config, spec: { set, model, root } }, terminal)
  for (const note of given.notes) terminal.err(`note: ${note}\n`)
  if (texts === null) return pruneGiven(typed, given, criterion, null, options, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    return await pruneGiven(typed, given, criterion, { texts, device }, options, terminal)
  } finally {
    device?.dispose()
  }
}

const several = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]

function contextOf(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 2 && value <= 2 ** 24) return value
  throw new Failure(EXIT.usage, `'${text}' is not a context`, 'write a whole number from 2 on')
}

export const prune: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec with --weights')
      .requiredOption('--by <criterion>', `${CRITERIA.join(', ')}, or a product such as 'frequency^0.5 gate activation'`)
      .requiredOption('--keep <experts>', 'how many experts of each layer stay: 6, or 75%')
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
      .addOption(
        new Option('--text <file...>', 'text in UTF-8, each file by itself; the tokenizer is beside the weights').argParser(
          several,
        ),
      )
      .option('--tokens <file:tensor>', 'token ids [S] or [N, S] of a .safetensors or .npy file, in the place of text')
      .addOption(
        new Option('--context <tokens>', 'most tokens of a window; windows do not overlap').argParser(contextOf).default(512),
      )
      .option(
        '--deadline <seconds>',
        'how long the tokenizer may take to open, and for each mebibyte of text (30)',
        (text) => 1000 * Number(text),
      )
      .option('--weights <path>', 'the weights of a spec: a checkpoint, or a run of smoe train')
      .option(
        '--config <dir>',
        'config.json of the architecture, and the files beside it, for a spec (default: beside --weights)',
      )
      .addOption(weightsAsOption())
      .addOption(shardOption())
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(setOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => pruneModel(typed, options, terminal))),
}
