/** `smoe debug SPEC --in ...`: finds the pass or the kernel that a wrong number comes from, and its place in the spec. */
import { Option, type Command } from 'commander'
import { PORTABLE } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import { openDispatches } from '../../runtime/single-dispatch.ts'
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
import { compileSpec, type Compiled as CompiledSpec } from '../compilation.ts'
import { feedsOf } from '../debug/feeds.ts'
import { withProgress } from '../debug/progress.ts'
import { findingJson, findingText, stageJson, stageTable } from '../debug/report.ts'
import type { Stage } from '../debug/stage.ts'
import { stagesOf, type DebugDevice } from '../debug/stages.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { dumpOption, writeDump } from '../dump.ts'
import { spanJson } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { writeJson } from '../output.ts'
import { readWeights } from '../run/reference.ts'
import { exactInputs, readFeeds, storedInputs, type Feeds } from '../run/replay.ts'
import { textReading } from '../run/text.ts'
import { withWeights } from '../run/weight-files.ts'
import { createRun } from '../../training/run.ts'
import { createDebugMachine, DifferenceFound } from '../debug/train.ts'
import { compiledTraining } from '../training/compiled.ts'
import { addDataOptions, readDataSets, type DataOptions } from '../training/data.ts'
import { asFailure } from '../training/failure.ts'
import { precisionOption, seedOption, trainingSpec, type RecipeOptions } from '../training/spec.ts'
import { readBeginning } from '../training/weights.ts'
import { compileProgress, openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { noteUnread } from '../unread.ts'

interface Options extends RecipeOptions, FormatOption, DeviceOptions, Omit<DataOptions, 'data'> {
  readonly train?: boolean
  readonly data?: readonly string[]
  readonly weights?: string
  readonly in: readonly string[]
  readonly source?: boolean
  readonly dump?: string
}

/** All stages, in order. */
async function collect(stages: AsyncGenerator<Stage, void>): Promise<readonly Stage[]> {
  const all: Stage[] = []
  for await (const stage of stages) all.push(stage)
  return all
}

async function debugDevice(
  device: Device,
  { plan }: CompiledSpec,
  feeds: Feeds,
  checkpoint: Checkpoint,
  terminal: Terminal,
): Promise<DebugDevice> {
  const runner = await openDispatches(device, plan, compileProgress(terminal))
  return {
    name: device.choice.name,
    runner,
    runPlan: async () => {
      const session = await openSession(device, plan, terminal)
      try {
        await session.loadWeights(checkpoint, { allowExtra: true })
        return await session.run(storedInputs(feeds))
      } finally {
        session.dispose()
      }
    },
  }
}

async function debugRun(path: string, options: Options, device: Device | null, terminal: Terminal): Promise<readonly Stage[]> {
  const target = device?.target ?? PORTABLE
  const compilation = compileSpec(path, options, target, terminal)
  const { plan, graph, programs } = compilation
  if (graph === null) throw new Error('a plan without a graph')
  await writeDump(options.dump, target, () => [{ name: 'run', graph, programs, plan }], terminal)
  const given = await readFeeds(graph, options.in, undefined, textReading(options, terminal), terminal)
  return withWeights(options, plan, terminal, async ({ checkpoint }) => {
    const feeds = feedsOf(graph, exactInputs(given), await readWeights(graph, checkpoint))
    noteUnread(checkpoint, matchWeights(plan, checkpoint).extra, terminal)
    const shown = (opened: DebugDevice | null): Promise<readonly Stage[]> =>
      collect(withProgress(plan.model, terminal, (show) => stagesOf({ graph, programs, plan }, feeds, opened, show)))
    if (device === null) return shown(null)
    const opened = await debugDevice(device, compilation, given, checkpoint, terminal)
    try {
      return await shown(opened)
    } finally {
      opened.runner.dispose()
    }
  })
}

/** The first step of a run of training: forward and backward, and the update. */
async function debugStep(path: string, options: Options, device: Device | null, terminal: Terminal): Promise<readonly Stage[]> {
  const { data, dump } = options
  if (data === undefined) throw new Failure(EXIT.usage, '--train needs data', 'give it with --data FILE...')
  if (options.in.length > 0) throw new Failure(EXIT.usage, '--in is for a run; --train takes its inputs from --data')
  try {
    const { graphs } = trainingSpec(path, options, terminal)
    const target = device?.target ?? PORTABLE
    await writeDump(dump, target, () => compiledTraining(graphs, target), terminal)
    const given = options.weights === undefined ? null : await readBeginning(options.weights, graphs, terminal)
    const { training } = await readDataSets({ ...options, data, split: 0 }, given?.vocabulary ?? null, terminal)
    const { machine, stages } = createDebugMachine(graphs, device, terminal)
    const run = createRun({ recipe: graphs.recipe, machine, training, ...(given === null ? {} : { weights: given.given }) })
    await run.begin()
    await run.step().catch((problem: unknown) => {
      if (!(problem instanceof DifferenceFound)) throw problem
    })
    return stages
  } catch (problem) {
    throw asFailure(problem, options, terminal)
  }
}

function report(stages: readonly Stage[], { format, source }: Options, terminal: Terminal): void {
  const finding = stages.at(-1)?.finding ?? null
  if (format === 'json') {
    const place = finding?.node.origin.span ?? null
    writeJson(terminal, {
      stages: stages.map(stageJson),
      finding: finding === null ? null : findingJson(finding, place === null ? null : spanJson(place)),
    })
    return
  }
  terminal.out(stageTable(stages))
  terminal.out(
    finding === null
      ? '\nall stages agree within the accuracy of the ops\n'
      : `\n${findingText(finding, source === true, terminal.outHasColor)}`,
  )
}

async function debugSpec(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const device = await openUnlessReference(options, terminal)
  try {
    const stages = await (options.train === true ? debugStep : debugRun)(path, options, device, terminal)
    report(stages, options, terminal)
    const finding = stages.at(-1)?.finding ?? null
    if (finding !== null) throw new Failure(EXIT.numbersDiffer, finding.message)
    return EXIT.ok
  } finally {
    device?.dispose()
  }
}

export const debug: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addDataOptions(command.argument('<spec>', 'the spec; - is standard input'), false)
      .option('--train', 'debugs one step of training on --data: forward and backward pass, and the update')
      .addOption(precisionOption())
      .addOption(seedOption())
      .option('--weights <path>', 'a .safetensors file, a folder with one or with shards and their index, or a run of smoe train')
      .addOption(
        new Option(
          '--in <name=file[:tensor]>',
          'reads an input from a .safetensors or .npy file, or tokens from text; once for each input',
        )
          .argParser((value: string, earlier: readonly string[]) => [...earlier, value])
          .default([], 'none'),
      )
      .addOption(deviceOption(', reference (no device: kernels on the host only)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .option('--source', 'prints the shader of the kernel that is found')
      .addOption(dumpOption())
      .addOption(formatOption())
      .action(run((path: string, options: Options) => debugSpec(path, options, terminal))),
}
