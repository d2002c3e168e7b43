/** `smoe plan DIR|SPEC`: what running a model takes on a device, before anything of it is allocated. */
import { availableParallelism } from 'node:os'
import { Option, type Command } from 'commander'
import { misfits } from '../../analysis/plan/fit.ts'
import { planMemory } from '../../analysis/plan/memory.ts'
import { countOperations } from '../../analysis/plan/operations.ts'
import { countParameters } from '../../analysis/plan/parameters.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { Device } from '../../runtime/device.ts'
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
import { compileSourceAnyway } from '../compilation.ts'
import { deviceOption, fastOption, openChosen, threadsOption, type DeviceOptions } from '../device.ts'
import { hasErrors, refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { compileContinuedAnyway, contextOption, count, sequencesOption } from '../model/continued.ts'
import { openModelSource } from '../model/source.ts'
import { bytes, writeJson } from '../output.ts'
import { planText, type PlanReport } from '../plan/report.ts'
import { runSizes, type RunSizes, type SizeOptions } from '../plan/sizes.ts'
import { weightFormats, weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, WeightFormatOptions, SizeOptions {}

const threadsOf = ({ threads }: Options): number => threads ?? Math.min(256, availableParallelism())

async function reportOf(typed: string, options: Options, device: Device, terminal: Terminal): Promise<PlanReport> {
  const { source, weights } = await openModelSource(typed, terminal)
  const formats = await weightFormats({ ...options, weights: options.weights ?? weights ?? undefined }, terminal)
  const { context, sequences = 1 } = options
  const state = context === undefined ? null : { sequences, longest: context }
  const continued = state === null ? null : compileContinuedAnyway(source, options, device.target, terminal, formats, state)
  const compiled = continued ?? compileSourceAnyway(source, options, device.target, terminal, formats)
  const { graph, plan, diagnostics } = compiled
  // a target that cannot have the kernels has a diagnostic; the graph still says what the model is
  if (graph === null) refuseErrors(diagnostics, terminal)
  if (graph === null) throw new Failure(EXIT.usage, `'${source.path}' declares no model`)
  const sizes = runSizes(graph, options, continued !== null)
  return {
    ...facts(graph, sizes),
    context: continued === null ? null : context!,
    ...fit(plan, diagnostics, sizes, options, device),
  }
}

function facts(graph: Graph, { tokens, sequences, length, sizesFor }: RunSizes) {
  const sizes = sizesFor(length)
  const { matmuls, others } = countOperations(graph, sizes)
  return {
    model: graph.name,
    tokens,
    sequences,
    parameters: countParameters(graph, tokens, sizes),
    flopsPerToken: { matmuls: matmuls / tokens, others: others / tokens },
  }
}

type Compiled = ReturnType<typeof compileSourceAnyway>

function fit(
  plan: Compiled['plan'],
  diagnostics: Compiled['diagnostics'],
  { length, sizesFor }: RunSizes,
  options: Options,
  device: Device,
) {
  const threads = threadsOf(options)
  const here = { device: device.choice.name, available: device.availableMemory() }
  if (plan === null) {
    const reasons = diagnostics.filter((one) => hasErrors([one]))
    return {
      ...here,
      memory: null,
      misfits: reasons.map(({ message, help }) => ({ what: message, remedy: help ?? 'another device' })),
    }
  }
  return {
    ...here,
    memory: planMemory(plan, sizesFor(length), threads),
    misfits: misfits({ plan, device, threads, sizesFor, context: length, showBytes: bytes }),
  }
}

async function planModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const device = await openChosen(options, terminal)
  try {
    const report = await reportOf(typed, options, device, terminal)
    if (options.format === 'json') writeJson(terminal, report)
    else terminal.out(planText(report))
    return EXIT.ok
  } finally {
    device.dispose()
  }
}

export const planCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec')
      .addOption(
        new Option('--tokens <count>', 'tokens of a run (default: of each sequence 512, or 256 of a context)').argParser(
          count('tokens'),
        ),
      )
      .addOption(contextOption('counts what is kept of so many tokens of each sequence, as smoe generate does'))
      .addOption(sequencesOption('sequences of a run (default: 1)'))
      .option('--weights <path>', 'the weights whose formats are planned for, where they are not in the folder')
      .addOption(weightsAsOption())
      .addOption(deviceOption())
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => planModel(typed, options, terminal))),
}
