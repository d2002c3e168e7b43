/** `smoe prune MODEL --by CRITERION --keep N -o DIR`: a folder with fewer experts a layer. */
import type { Command } from 'commander'
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
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
import { checkTokens, type TextOptions } from '../eval/texts.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { openGiven, type Given } from '../export/given.ts'
import { checkNew, EXPORTED_AS, shardOption } from '../export/options.ts'
import { writeFolder } from '../export/write.ts'
import { withLoaded, type GivenModel } from '../model/open.ts'
import { textPorts } from '../model/ports.ts'
import { writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { aimerScores } from '../prune/aimer.ts'
import { CRITERIA, criterionOf, scoresOf, type Criterion } from '../prune/criteria.ts'
import { expertLayers, type ExpertLayer } from '../prune/layers.ts'
import { checkMeasured, loweredFor, measure } from '../prune/measure.ts'
import { chosenLayers, prunedFolder } from '../prune/prune.ts'
import { pruneJson, pruneText } from '../prune/report.ts'
import { spectralScores } from '../prune/spectral.ts'
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

/** Scores of the experts of each layer, [E], from texts. */
async function scoresOnTexts(
  layers: readonly ExpertLayer[],
  criterion: Exclude<Criterion, { readonly kind: 'aimer' }>,
  original: GivenModel,
  checkpoint: Checkpoint,
  { texts, device }: OnTexts,
  context: number,
  terminal: Terminal,
): Promise<readonly Float64Array[]> {
  const count = texts.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const progress = createProgress(terminal, (done) => `${done} of ${count} tokens`, count)
  const request = { texts, context, onProgress: (done: number) => progress.update(done) }
  try {
    if (criterion.kind === 'spectral') return await spectralScores(layers, original, checkpoint, request, device, terminal)
    const { powers } = criterion
    const check = (plan: Plan): void => {
      checkTokens(texts, textPorts(plan).vocabulary, plan.model)
      checkMeasured(plan, powers)
    }
    return await withLoaded(device, terminal, { ...original, lower: loweredFor(powers) }, check, async (loaded) => {
      const seen = await measure(loaded, request, powers)
      return layers.map(({ path }) => scoresOf(seen.get(path)!, powers))
    })
  } finally {
    progress.end()
  }
}

async function pruneGiven(
  typed: string,
  given: Given,
  criterion: Criterion,
  calibration: OnTexts | null,
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const { by, keep, output, weights, weightsAs, shardSize, context, set, model, root, format } = options
  const original: GivenModel = { typed, weights, weightsAs: 'shipped', spec: { set, model, root } }
  const layers = expertLayers(given.model)
  const isHighest = criterion.kind !== 'aimer'
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
        : await scoresOnTexts(layers, criterion, original, checkpoint, calibration!, context, terminal)
    const chosen = chosenLayers(layers, scores, keep, isHighest)
    const folder = prunedFolder(given, chosen, checkpoint, { as: EXPORTED_AS[weightsAs], shard: shardSize }, terminal)
    await writeFolder(output, folder.files, `wrote ${output}`, terminal)
    const exported = { type: given.type, from: typed, to: output, folder, notes: given.notes }
    const evaluation = calibration === null ? null : await compareWithOriginal(output, original, calibration, context, terminal)
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
  if (criterion.kind !== 'aimer' && !reads)
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
  const texts = reads ? await textsFor(typed, options, terminal) : null
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

export const prune: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addTextOptions(command)
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec with --weights')
      .requiredOption('--by <criterion>', `${CRITERIA.join(', ')}, or a product such as 'frequency^0.5 gate activation'`)
      .requiredOption('--keep <experts>', 'how many experts of each layer stay: 6, or 75%')
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
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
