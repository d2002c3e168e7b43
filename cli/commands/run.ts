/** `smoe run SPEC`: one run of a model on tensors from files. */
import { existsSync } from 'node:fs'
import { Option, type Command } from 'commander'
import type { Source } from '../../grammar/source.ts'
import { PORTABLE, type Target } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { openCheckpoint, safetensorsPieces } from '../../runtime/checkpoint/files.ts'
import { describeRows, findNonFinite, type NonFinite } from '../../runtime/finite.ts'
import { readLoadTimeConstants } from '../../runtime/load-time-constants.ts'
import type { RouteRecord } from '../../runtime/routing/record.ts'
import type { ReportFacts } from '../../runtime/routing/report.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import type { SpecOptions } from '../checking.ts'
import { compileSource, lowerSource, type AddedOptions, type Compiled } from '../compilation.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { dumpOption, writeDump } from '../dump.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { fileOf, writeTogether } from '../files.ts'
import { missingFile, readSource } from '../load.ts'
import { maskedExperts, withoutExpertOption, type MaskOption } from '../model/masked.ts'
import { keepApart } from '../overwriting.ts'
import { bytes, milliseconds, plural, table, writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { balanceLines, balances, demandBalance, type LayerBalance } from '../run/balance.ts'
import { compareTensors, type Difference } from '../run/compare.ts'
import { parseInput } from '../run/inputs.ts'
import { kernelTimes, profileTable, type KernelTime } from '../run/profile.ts'
import { evaluateReference, evaluateReferenceHeld, readWeights } from '../run/reference.ts'
import { exactInputs, readFeeds, storedInputs, type Feeds } from '../run/replay.ts'
import {
  addRoutingOptions,
  exactRoutes,
  realsOfRecord,
  routerCollapse,
  routesWanted,
  splitRoutes,
  routeOutputs,
  withinOf,
  type RoutingOptions,
} from '../run/routes.ts'
import { findTensor, readTensor } from '../run/tensors.ts'
import { textReading } from '../run/text.ts'
import { runWords, timeRuns } from '../run/timed.ts'
import { withWeights } from '../run/weight-files.ts'
import { heldText, weightFormats, weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { noteUnread } from '../unread.ts'

interface Options extends SpecOptions, FormatOption, MaskOption, RoutingOptions, DeviceOptions, WeightFormatOptions {
  readonly held?: string
  readonly in: readonly string[]
  readonly out?: string
  readonly bytes?: boolean
  readonly profile?: boolean
  readonly compare?: string
  readonly tolerance: number
  readonly dump?: string
}

type Formats = Awaited<ReturnType<typeof weightFormats>>

interface Result {
  readonly outputs: Readonly<Record<string, HostData>>
  readonly profile: readonly KernelTime[] | null
  readonly routes: { readonly record: RouteRecord; readonly facts: ReportFacts } | null
}

interface Ran {
  readonly compilation: Compiled
  readonly feeds: Feeds
  readonly checkpoint: Checkpoint
  readonly adapter: string
  readonly outputs: Readonly<Record<string, FileData>>
}

/** The outputs of a run, and what its routed layers decided where that was asked for, or is to be checked. */
async function outputsAndRoutes(
  { compilation: { graph, plan }, feeds, checkpoint, adapter, outputs: all }: Ran,
  options: Options,
): Promise<Omit<Result, 'profile'>> {
  if (graph === null) throw new Error('a plan without a graph')
  const { outputs, record: made } = splitRoutes(graph, all)
  const record = feeds.replay?.record ?? made
  if (record === null) return { outputs, routes: null }
  const collapse = options.routing === undefined ? {} : await routerCollapse(plan, record, checkpoint)
  return {
    outputs,
    routes: {
      record,
      facts: { model: plan.model, adapter, dims: feeds.dims, replayed: options.replayRoutes, collapse, within: withinOf(graph) },
    },
  }
}

function dump({ graph, programs, plan }: Compiled, target: Target, options: Options, terminal: Terminal): Promise<void> {
  if (graph === null) throw new Error('a plan without a graph')
  return writeDump(options.dump, target, () => [{ name: 'run', graph, programs, plan }], terminal)
}

/** Throws a Failure for masked experts of routes that are replayed: nothing is selected then. */
function addedOptions(source: Source, options: Options, formats: Formats, terminal: Terminal): AddedOptions {
  if (options.replayRoutes !== undefined && options.withoutExpert !== undefined)
    throw new Failure(
      EXIT.usage,
      '--without-expert and --replay-routes exclude each other: recorded experts are used as they are',
    )
  return { routes: routesWanted(options, terminal), ...formats, ...maskedExperts(source, options, options, terminal) }
}

async function runOnReference(path: string, options: Options, formats: Formats, terminal: Terminal): Promise<Result> {
  if (options.profile === true) throw new Failure(EXIT.usage, 'the reference has no kernels to profile')
  const source = readSource(path, terminal)
  const compilation = compileSource(source, options, PORTABLE, terminal, addedOptions(source, options, formats, terminal))
  await dump(compilation, PORTABLE, options, terminal)
  const { plan, graph } = compilation
  if (graph === null) throw new Error('a plan without a graph')
  const feeds = await readFeeds(graph, options.in, options.replayRoutes, textReading(options, terminal), terminal)
  return withWeights(options, plan, terminal, async ({ checkpoint, held }) => {
    terminal.err('on the reference: f64 on the CPU, slow\n')
    const start = performance.now()
    const weights = await readWeights(graph, checkpoint)
    noteUnread(checkpoint, matchWeights(plan, checkpoint).extra, terminal)
    const inputs = exactInputs(feeds)
    const exact =
      held === null
        ? evaluateReference(graph, inputs, weights)
        : evaluateReferenceHeld(graph, inputs, weights, await readLoadTimeConstants(plan, held))
    terminal.err(`${plan.model}: ${milliseconds(performance.now() - start)} ms\n`)
    const outputs = exactRoutes(graph, exact)
    return {
      ...(await outputsAndRoutes({ compilation, feeds, checkpoint, adapter: 'the reference, f64 on the CPU', outputs }, options)),
      profile: null,
    }
  })
}

async function runOnDevice(
  path: string,
  options: Options,
  formats: Formats,
  device: Device,
  terminal: Terminal,
): Promise<Result> {
  try {
    const source = readSource(path, terminal)
    const added = addedOptions(source, options, formats, terminal)
    const { graph, compile } = lowerSource(source, options, device.target, terminal, added)
    const feeds = await readFeeds(graph, options.in, options.replayRoutes, textReading(options, terminal), terminal)
    // what is dumped is every program of the plan
    const compilation = compile(options.dump === undefined ? feeds.dims : undefined)
    await dump(compilation, device.target, options, terminal)
    const { plan } = compilation
    const inputs = storedInputs(feeds)
    return await withWeights(options, plan, terminal, async ({ checkpoint, held }) => {
      const start = performance.now()
      const session = await openSession(device, plan, terminal)
      const compiled = performance.now()
      const progress = createProgress(terminal, 'weights', 1)
      try {
        const onProgress = (done: number, all: number): void => progress.update(all === 0 ? 1 : done / all, bytes(all))
        const loaded = await session.loadWeights(checkpoint, { allowExtra: true, onProgress, held: held ?? undefined })
        progress.end()
        noteUnread(checkpoint, loaded.extra, terminal)
        const ready = performance.now()
        const runOnce = async (): Promise<Pick<Result, 'outputs' | 'profile'>> => {
          if (options.profile !== true) return { outputs: await session.run(inputs), profile: null }
          const { outputs, dispatches: steps } = await session.profile(inputs)
          return { outputs, profile: kernelTimes(steps) }
        }
        const {
          value: { outputs, profile },
          runs,
        } = await timeRuns(runOnce)
        const weights =
          loaded.weights === 0
            ? ''
            : `${bytes(loaded.bytes)} of weights loaded in ${milliseconds(ready - compiled)} ms${heldText(plan)}, `
        const kernels = `${plural(plan.kernels.length, 'kernel')} compiled in ${milliseconds(compiled - start)} ms`
        terminal.err(`${plan.model}: ${weights}${kernels}, ${runWords(runs)}\n`)
        return {
          ...(await outputsAndRoutes({ compilation, feeds, checkpoint, adapter: device.choice.name, outputs }, options)),
          profile,
        }
      } finally {
        progress.end()
        session.dispose()
      }
    })
  } finally {
    device.dispose()
  }
}

/** Every output that the file has a namesake for. */
async function compareWith(file: string, outputs: Result['outputs'], terminal: Terminal): Promise<readonly Difference[]> {
  if (!existsSync(terminal.path(file))) throw missingFile(file, terminal)
  const checkpoint = await openCheckpoint(terminal.path(file))
  try {
    const names = Object.keys(outputs).filter((name) => checkpoint.tensors.has(name))
    if (names.length === 0) findTensor(checkpoint, { name: Object.keys(outputs)[0] }, Object.keys(outputs)[0])
    const differences: Difference[] = []
    for (const name of names) {
      const dtype = outputs[name].data instanceof Float32Array ? 'f32' : 'i32'
      const expected = await readTensor(checkpoint, findTensor(checkpoint, { name }, name), dtype)
      if (expected.shape.join() !== outputs[name].shape.join()) {
        throw new Failure(
          EXIT.numbersDiffer,
          `${name} is [${outputs[name].shape.join(', ')}], in ${file} it is [${expected.shape.join(', ')}]`,
        )
      }
      differences.push(compareTensors(name, outputs[name], expected))
    }
    return differences
  } finally {
    await checkpoint.close()
  }
}

function differenceTable(differences: readonly Difference[]): string {
  const rows = differences.map(({ name, relativeL2, largest, argmax }) => [
    name,
    relativeL2.toExponential(2),
    largest.toExponential(2),
    argmax === null ? '' : `${argmax.equal} of ${argmax.rows}`,
  ])
  return table([['output', 'relative L2', 'largest', 'argmax equal'], ...rows], '<>>>')
}

interface Verdicts {
  readonly differences: readonly Difference[]
  readonly balance: readonly LayerBalance[]
  /** Outputs, and weights of routes, with NaN or infinite values. */
  readonly nonFinite: readonly NonFinite[]
}

function report(
  { profile }: Result,
  { differences, balance, nonFinite }: Verdicts,
  { format }: Options,
  terminal: Terminal,
): void {
  if (format === 'json') {
    const isEmpty = profile === null && [differences, balance, nonFinite].every(({ length }) => length === 0)
    if (!isEmpty) writeJson(terminal, { profile, differences, balance, nonFinite })
    return
  }
  if (profile !== null) terminal.out(profileTable(profile))
  terminal.out(balanceLines(balance, terminal))
  if (differences.length > 0) terminal.out(differenceTable(differences))
}

/** Writes all requested files together. */
async function writeOutputs({ outputs, routes }: Result, options: Options, terminal: Terminal): Promise<void> {
  const { out } = options
  const list = Object.entries(outputs)
    .map(([name, { shape }]) => `${name}[${shape.join(', ')}]`)
    .join(', ')
  const values =
    out === undefined ? [] : [{ output: fileOf(out, safetensorsPieces(outputs), terminal), message: `wrote ${list} to ${out}` }]
  const decisions = routes === null ? [] : await routeOutputs(routes.record, routes.facts, options, terminal)
  await writeTogether([...values, ...decisions], terminal)
}

const nonFiniteOf = ({ outputs, routes }: Result): readonly NonFinite[] => [
  ...findNonFinite(outputs),
  ...(routes === null ? [] : findNonFinite(realsOfRecord(routes.record))),
]

/** Throws a Failure if outputs are not finite or differ from the expected ones, after everything was written. */
function refuseNumbers(nonFinite: readonly NonFinite[], differences: readonly Difference[], tolerance: number): void {
  const problems = nonFinite.map(
    (one) => `${one.name}: ${one.count} of ${one.elements} values are not finite, in ${describeRows(one)}`,
  )
  const worst = differences.filter(({ relativeL2 }) => !(relativeL2 <= tolerance))
  if (worst.length > 0) problems.push(`${worst.map(({ name }) => name).join(', ')} differ by more than ${tolerance}`)
  if (problems.length > 0) throw new Failure(EXIT.numbersDiffer, problems.join('\n  '))
}

function refuseOverwriting(path: string, options: Options, terminal: Terminal): void {
  const { out, routing, recordRoutes, weights, held, compare, compareRoutes, replayRoutes } = options
  const inputs = options.in.map((text) => parseInput(text, (file) => existsSync(terminal.path(file))))
  keepApart(
    [
      ['--out', out],
      ['--routing', routing],
      ['--record-routes', recordRoutes],
    ],
    [
      ['the spec', path],
      ['--weights', weights],
      ['--held', held],
      ['--compare', compare],
      ['--compare-routes', compareRoutes],
      ['--replay-routes', replayRoutes],
      ...inputs.map(({ name, file }) => [`--in ${name}`, file] as const),
    ],
    terminal,
  )
}

async function runSpec(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  refuseOverwriting(path, options, terminal)
  // before the threads of a device start, which take the processor for as long as the spec is compiled
  const formats = await weightFormats(options, terminal)
  const device = await openUnlessReference(options, terminal)
  const result = await (device === null
    ? runOnReference(path, options, formats, terminal)
    : runOnDevice(path, options, formats, device, terminal))
  await writeOutputs(result, options, terminal)
  const differences = options.compare === undefined ? [] : await compareWith(options.compare, result.outputs, terminal)
  const balance = result.routes === null ? [] : balances(result.routes.record, result.routes.facts.within ?? {})
  const nonFinite = nonFiniteOf(result)
  report(result, { differences, balance, nonFinite }, options, terminal)
  refuseNumbers(nonFinite, differences, options.tolerance)
  if (options.strictRouting === true) demandBalance(balance, terminal)
  return EXIT.ok
}

const number = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0)) throw new Failure(EXIT.usage, `'${text}' is not a tolerance`, 'write a number such as 2e-5')
  return value
}

export const run: CommandModule = {
  define: (command: Command, { run: action, terminal }: Context) =>
    addRoutingOptions(
      command
        .argument('<spec>', 'the spec; - is standard input')
        .option(
          '--weights <path>',
          'a .safetensors file, a folder with one or with shards and their index, or a run of smoe train',
        )
        .addOption(weightsAsOption())
        .addOption(withoutExpertOption())
        .option(
          '--held <file>',
          'values that depend on weights alone, read from a .safetensors file and not computed: as smoe reroute writes them',
        )
        .addOption(
          new Option(
            '--in <name=file[:tensor]>',
            'reads an input from a .safetensors or .npy file, or tokens from text; once for each input',
          )
            .argParser((value: string, earlier: readonly string[]) => [...earlier, value])
            .default([], 'none'),
        )
        .option(
          '--bytes',
          'reads text as bytes, each a token, rather than with the vocabulary of the run that the weights are of',
        )
        .option('--out <file>', 'a .safetensors file for every output under its name')
        .addOption(deviceOption(', reference (f64, slow)'))
        .addOption(threadsOption())
        .addOption(fastOption())
        .addOption(modelOption())
        .addOption(rootOption())
        .addOption(setOption())
        .option('--profile', 'prints the time of each kernel')
        .option(
          '--compare <file>',
          'compares the outputs with their namesakes in a .safetensors file; exits with 4 where they differ',
        )
        .addOption(
          new Option('--tolerance <error>', 'the relative L2 error that --compare allows').argParser(number).default(2e-5),
        )
        .addOption(dumpOption())
        .addOption(formatOption()),
    ).action(action((path: string, options: Options) => runSpec(path, options, terminal))),
}
