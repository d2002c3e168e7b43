/** `smoe reroute DIR`: a checkpoint routed by the singular vectors of its experts, without training. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { safetensorsPieces } from '../../runtime/checkpoint/files.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { textPieces } from '../../runtime/files/index.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import { formatOption, modelOption, rootOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { compileSource, type Compiled } from '../compilation.ts'
import { deviceOption, fastOption, threadsOption, type DeviceOptions } from '../device.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { fileOf, writeTogether, type NamedOutput } from '../files.ts'
import { keepApart } from '../overwriting.ts'
import { missingFile } from '../load.ts'
import { noteUnread } from '../unread.ts'
import { plural, table, writeJson } from '../output.ts'
import { readCalibration } from '../reroute/calibration.ts'
import { CRITERIA, type Criterion } from '../reroute/choose.ts'
import { compareRouters, comparisonTable, routersOf, type LayerComparison } from '../reroute/compare.ts'
import { cutHeld, cutSpec, dropExperts, type Dropped } from '../reroute/drop.ts'
import { checkDirectory, directoryNames } from '../reroute/directory.ts'
import { directions, observe, OBSERVED, openPlace, type Place } from '../reroute/observe.ts'
import { POLICIES, type Blend } from '../reroute/rewrite.ts'
import { originalSpec, reroutedTexts, textFor, type Texts } from '../reroute/text.ts'
import { openHeld } from '../run/held.ts'
import { parseInput } from '../run/inputs.ts'
import { textReading } from '../run/text.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption, DeviceOptions {
  readonly policy: Blend['policy']
  readonly alpha: number
  readonly topC: number
  readonly sign: 'canonical' | 'lapack'
  readonly held?: string
  readonly output?: string
  readonly heldOut?: string
  readonly spec?: string
  readonly model?: string
  readonly root?: string
  readonly calibrate?: string
  readonly seed: number
  readonly drop?: number
  readonly dropBy: Criterion
  readonly out?: string
}

interface Result {
  readonly layers: readonly LayerComparison[]
  readonly held: Readonly<Record<string, HostData>>
  readonly dropped: Dropped | null
  /** The smaller checkpoint. */
  readonly smaller: readonly NamedOutput[]
  readonly adapter: string
}

async function examine(
  directory: string,
  texts: Texts,
  original: Compiled,
  blended: Compiled,
  checkpoint: Checkpoint,
  place: Place,
  options: Options,
  terminal: Terminal,
): Promise<Result> {
  const file = await openHeld(options.held, blended.plan, terminal)
  try {
    const inputs = await readCalibration(
      original,
      options.calibrate,
      options.seed,
      textReading({ weights: directory }, terminal),
      terminal,
    )
    const observed = await observe(place, original, inputs, checkpoint)
    const held = await directions(place, blended, checkpoint, file)
    const routers = await routersOf(blended.plan, observed, held, checkpoint, options.alpha)
    const layers = routers.map(compareRouters)
    if (options.drop === undefined) return { layers, held, dropped: null, smaller: [], adapter: place.name }
    // before anything is written
    cutSpec(texts.written, { layers: {}, kept: 1 })
    const request = { share: options.drop, by: options.dropBy, seed: options.seed, from: directory, to: options.out! }
    const { dropped, output } = dropExperts(original, routers, checkpoint, request, terminal)
    return { layers, held: cutHeld(held, routers, dropped), dropped, smaller: [output], adapter: place.name }
  } finally {
    await file?.close()
  }
}

/** `SPEC.held.safetensors` beside the spec, unless said otherwise; null where nothing is to be kept. */
function heldPath({ output, heldOut }: Options, { holds }: Texts): string | null {
  if (heldOut !== undefined) return heldOut
  return output === undefined || output === '-' || !holds ? null : `${output.replace(/\.smoe$/, '')}.held.safetensors`
}

/** Writes the smaller checkpoint, W_EV and the spec together. */
async function write(texts: Texts, { held, dropped, smaller }: Result, options: Options, terminal: Terminal): Promise<void> {
  const { output, policy, topC, sign } = options
  const path = heldPath(options, texts)
  const outputs = [...smaller]
  if (path !== null) {
    const pieces = safetensorsPieces(held, { 'smoe.policy': policy, 'smoe.c': String(topC), 'smoe.sign': sign })
    const message = `wrote W_EV of ${plural(Object.keys(held).length, 'layer')} to ${path}; smoe run --held ${path} takes it from there`
    outputs.push({ output: fileOf(path, pieces, terminal), message })
  }
  const text =
    output === undefined
      ? ''
      : textFor(
          { ...texts.written, text: dropped === null ? texts.written.text : cutSpec(texts.written, dropped) },
          output,
          terminal,
        )
  if (output !== undefined && output !== '-')
    outputs.push({ output: fileOf(output, textPieces(text), terminal), message: `wrote ${output}` })
  await writeTogether(outputs, terminal)
  if (output === undefined) return
  if (output === '-') terminal.out(text)
  if (!texts.holds) terminal.err('note: with alpha = 0 the routes stay as they were\n')
}

function report(
  { layers, dropped, adapter }: Result,
  { policy, alpha, topC, sign, format, drop, dropBy }: Options,
  terminal: Terminal,
): void {
  if (format === 'json') {
    const gone = dropped === null ? null : { share: drop, by: dropBy, kept: dropped.kept, layers: dropped.layers }
    writeJson(terminal, { policy, alpha, topC, sign, adapter, layers, dropped: gone })
    return
  }
  terminal.out(comparisonTable(layers))
  if (dropped === null) return
  const rows = Object.entries(dropped.layers).map(([layer, experts]) => [layer, experts.join(', ')])
  terminal.out(`\n${table([['layer', 'experts dropped'], ...rows])}`)
}

function checkOptions(directory: string, { sign, held, drop, out, format, output }: Options, terminal: Terminal): void {
  if (!existsSync(terminal.path(directory))) throw missingFile(directory, terminal)
  if (sign === 'lapack' && held === undefined) {
    throw new Failure(EXIT.usage, '--sign lapack needs singular vectors of LAPACK', 'give them with --held FILE.safetensors')
  }
  if (sign === 'canonical' && held !== undefined)
    throw new Failure(EXIT.usage, 'the directions of --held have their own signs', 'use --sign lapack')
  if ((drop === undefined) !== (out === undefined))
    throw new Failure(EXIT.usage, '--drop and --out go together', '--drop 25% --out DIR writes a smaller checkpoint')
  if (out !== undefined) checkDirectory(directory, out, terminal)
  if (output === '-' && format === 'json') throw new Failure(EXIT.usage, 'standard output takes the spec or the report, not both')
}

/** Before a device is opened. */
function refuseOverwriting(directory: string, texts: Texts, options: Options, terminal: Terminal): void {
  const { output, heldOut, out, spec, held, calibrate } = options
  const exists = (file: string): boolean => existsSync(terminal.path(file))
  const file = calibrate === undefined ? undefined : parseInput(`in=${calibrate}`, exists).file
  keepApart(
    [
      ['-o', output === '-' ? undefined : output],
      [heldOut === undefined ? 'the file of W_EV' : '--held-out', heldPath(options, texts) ?? undefined],
      ...(out === undefined ? [] : directoryNames(directory, terminal).map((name) => ['--out', join(out, name)] as const)),
    ],
    [
      ['the checkpoint', directory],
      ['--spec', spec],
      ['--held', held],
      ['--calibrate', file],
    ],
    terminal,
  )
}

async function rerouteCheckpoint(directory: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  checkOptions(directory, options, terminal)
  const source = await originalSpec(directory, options.spec, terminal)
  const texts = reroutedTexts(source, options)
  refuseOverwriting(directory, texts, options, terminal)
  const place = await openPlace(options, terminal)
  try {
    const spec = { set: [], model: options.model, root: options.root }
    const original = compileSource(source, spec, place.target, terminal, OBSERVED)
    const blended = compileSource(texts.blended, spec, place.target, terminal)
    const { checkpoint } = await openWeights(directory, terminal)
    try {
      noteUnread(checkpoint, matchWeights(original.plan, checkpoint).extra, terminal)
      const result = await examine(directory, texts, original, blended, checkpoint, place, options, terminal)
      await write(texts, result, options, terminal)
      if (options.output !== '-') report(result, options, terminal)
      return EXIT.ok
    } finally {
      await checkpoint.close()
    }
  } finally {
    place.dispose()
  }
}

const refuse = (text: string, wanted: string): never => {
  throw new Failure(EXIT.usage, `'${text}' is not a ${wanted}`)
}

function numberIn(low: number, high: number, wanted: string, isWhole = false): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text)
    return value >= low && value <= high && (!isWhole || Number.isSafeInteger(value)) ? value : refuse(text, wanted)
  }
}

/** `25%` or `0.25`. */
function share(text: string): number {
  const value = /^[\d.]+%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number(text)
  return value > 0 && value < 1 ? value : refuse(text, 'share, such as 25%')
}

export const reroute: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<dir>', 'folder of the checkpoint')
      .addOption(
        new Option('--policy <name>', 'the new route: for experts of three matrices (gate, up, down) or of two')
          .choices(POLICIES)
          .default('spectral'),
      )
      .addOption(
        new Option('--alpha <share>', 'share of the new router; 0 keeps the old one')
          .argParser(numberIn(0, 1, 'share from 0 to 1'))
          .default(0.5),
      )
      .addOption(
        new Option('--top-c <count>', 'singular vectors of each matrix that are taken')
          .argParser(numberIn(1, 1e9, 'number from 1 on', true))
          .default(50),
      )
      .addOption(
        new Option('--sign <rule>', 'of singular vectors: as they point along the old router, or as a file has them')
          .choices(['canonical', 'lapack'])
          .default('canonical'),
      )
      .option('--held <file>', 'takes W_EV from this .safetensors file rather than making it')
      .option('-o, --output <spec>', 'where to write the rerouted spec; - is standard output')
      .option('--held-out <file>', 'where to write W_EV; beside the spec by default')
      .option('--spec <spec>', 'a spec of your own for the checkpoint, in the place of the imported one')
      .addOption(modelOption())
      .addOption(rootOption())
      .option('--calibrate <file:tensor>', 'the first input on which routers are compared; random by default')
      .addOption(
        new Option('--seed <number>', 'of random tokens and random drops')
          .argParser(numberIn(0, 2 ** 32 - 1, 'seed', true))
          .default(0),
      )
      .addOption(
        new Option('--drop <share>', 'removes this share of the experts of every layer, such as 25%; needs --out').argParser(
          share,
        ),
      )
      .addOption(
        new Option('--drop-by <criterion>', 'which go: the least by the new router, by the old one, or any')
          .choices(CRITERIA)
          .default('spectral'),
      )
      .option('--out <dir>', 'where to write the smaller checkpoint')
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(formatOption())
      .action(run((directory: string, options: Options) => rerouteCheckpoint(directory, options, terminal))),
}
