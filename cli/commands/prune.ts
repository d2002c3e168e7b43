/** `smoe prune MODEL --by CRITERION --keep N -o DIR`: a folder with fewer experts a layer. */
import { join } from 'node:path'
import { Option, type Command } from 'commander'
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
import type { HubFolder } from '../export/export.ts'
import { openGiven, type Given } from '../export/given.ts'
import { checkNew, EXPORTED_AS, shardOption } from '../export/options.ts'
import { writeFolder } from '../export/write.ts'
import { withLoaded, type GivenModel } from '../model/open.ts'
import { textPorts } from '../model/ports.ts'
import { writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { aimerScores } from '../prune/aimer.ts'
import { CRITERIA, criterionOf, scoresOf, type Criterion } from '../prune/criteria.ts'
import { keptCounts, readPerLayer } from '../prune/counts.ts'
import { expertLayers, type ExpertLayer, type PrunedLayer } from '../prune/layers.ts'
import { checkMeasured, loweredFor, measure } from '../prune/measure.ts'
import { chosenLayers, prunedFolder, specFolder } from '../prune/prune.ts'
import { pruneJson, pruneText } from '../prune/report.ts'
import { specWithCounts, type SpecModel } from '../prune/spec.ts'
import { spectralScores } from '../prune/spectral.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, TextOptions, WeightFormatOptions {
  readonly by: string
  readonly keep?: string
  readonly perLayer?: string
  readonly to: 'hf' | 'spec'
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

interface Written {
  readonly spec: SpecModel | null
  readonly folder: HubFolder
}

/** What is to be written; tensors are read while it is. Throws a Failure for what the form cannot say. */
function folderFor(
  given: Given,
  layers: readonly PrunedLayer[],
  checkpoint: Checkpoint,
  { to, weightsAs, shardSize }: Options,
  terminal: Terminal,
): Written {
  const options = { as: EXPORTED_AS[weightsAs], shard: shardSize }
  if (to === 'hf') return { spec: null, folder: prunedFolder(given, layers, checkpoint, options, terminal) }
  const spec = specWithCounts(given, layers, options.as, terminal)
  return { spec, folder: specFolder(given, spec, layers, checkpoint, options, terminal) }
}

async function pruneGiven(
  typed: string,
  given: Given,
  criterion: Criterion,
  calibration: OnTexts | null,
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const { by, keep, perLayer, output, weights, context, set, model, root, format } = options
  const original: GivenModel = { typed, weights, weightsAs: 'shipped', spec: { set, model, root } }
  const layers = expertLayers(given.model)
  const isHighest = criterion.kind !== 'aimer'
  const counts = keptCounts(layers, { keep, perLayer: perLayer === undefined ? undefined : readPerLayer(perLayer, terminal) })
  const { checkpoint } = await openWeights(given.weights, terminal)
  try {
    const write = (scores: readonly Float64Array[]): Written & { readonly chosen: readonly PrunedLayer[] } => {
      const chosen = chosenLayers(layers, scores, counts, isHighest)
      return { chosen, ...folderFor(given, chosen, checkpoint, options, terminal) }
    }
    // numbers that do not go are told before anything is computed
    write(layers.map(({ experts }) => new Float64Array(experts)))
    const scores =
      criterion.kind === 'aimer'
        ? await aimerScores(layers, checkpoint)
        : await scoresOnTexts(layers, criterion, original, checkpoint, calibration!, context, terminal)
    const { chosen, spec, folder } = write(scores)
    await writeFolder(output, folder.files, `wrote ${output}`, terminal)
    const exported = { type: given.type, from: typed, to: output, folder, notes: given.notes }
    const changed = spec === null ? { typed: output } : { typed: join(output, spec.name), weights: output }
    const evaluation = calibration === null ? null : await compareWithOriginal(changed, original, calibration, context, terminal)
    const report = { by, isHighest, layers: chosen, exported, spec, evaluation }
    if (format === 'json') writeJson(terminal, pruneJson(report))
    else terminal.out(pruneText(report))
    return EXIT.ok
  } finally {
    await checkpoint.close()
  }
}

async function pruneModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { by, keep, perLayer, output, weights, config, set, model, root } = options
  checkNew(output, terminal)
  if (keep === undefined && perLayer === undefined)
    throw new Failure(EXIT.usage, 'nothing says how many experts stay', 'give --keep 6, --keep 75% or --per-layer FILE')
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
      .option('--keep <experts>', 'how many experts of each layer stay: 6, or 75%')
      .option('--per-layer <file>', 'JSON with a number for each layer of its own: {"layers.0.moe": 6, "layers.1.moe": "75%"}')
      .addOption(
        new Option('--to <form>', 'hf: config.json with one number of experts for all layers; spec: a spec, which has any')
          .choices(['hf', 'spec'])
          .default('hf'),
      )
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
