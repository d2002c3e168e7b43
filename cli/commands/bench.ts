/** `smoe bench [spec]`: a mixture-of-experts layer, or the training step of a spec, timed on devices in turns. */
import { Option, type Command } from 'commander'
import { withDevices, type DevicesOptions, type NamedDevice } from '../bench/devices.ts'
import { measureLayer, type LayerOptions } from '../bench/layer-bench.ts'
import { loadNow, reportLayer, reportStep, stepTitle } from '../bench/report.ts'
import { createSteps, measureSteps } from '../bench/step-bench.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { deviceOption, fastOption, threadsOption } from '../device.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { writeJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { trainingSpec, type RecipeOptions } from '../training/spec.ts'

interface Options extends LayerOptions, FormatOption, DevicesOptions, Omit<RecipeOptions, 'precision'> {}

const adapters = (devices: readonly NamedDevice[]) => devices.map(({ name, detail }) => ({ device: name, adapter: detail }))

async function benchLayer(options: Options, terminal: Terminal): Promise<ExitCode> {
  const before = loadNow()
  await withDevices(options, terminal, async (devices) => {
    const sizes = await measureLayer(devices, options, terminal)
    const load = { before, after: loadNow() }
    const { experts, k, width, hidden } = options
    if (options.format === 'text') return reportLayer(options, devices, load, sizes, terminal)
    writeJson(terminal, { devices: adapters(devices), load, experts, k, width, hidden, dtype: 'f32', measurements: sizes })
  })
  return EXIT.ok
}

async function benchStep(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { graphs } = trainingSpec(path, { ...options, precision: 'f32' }, terminal)
  const { model, accumulate, batch } = graphs.recipe
  const before = loadNow()
  await withDevices(options, terminal, async (devices) => {
    const steps = await createSteps(devices, graphs, terminal)
    const measured = await measureSteps(steps.all, options.seconds, terminal).finally(steps.dispose)
    const load = { before, after: loadNow() }
    if (options.format === 'text') return reportStep(stepTitle(model, accumulate, batch), devices, load, measured, terminal)
    writeJson(terminal, { model, batch, accumulate, adapters: adapters(devices), load, ...measured })
  })
  return EXIT.ok
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Failure(EXIT.usage, `'${text}' is not a positive whole number`)
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Failure(EXIT.usage, `'${text}' is not a time in seconds`)
  return value
}

/** Options of the layer alone, and of a spec alone: by their names, with their flags. */
const ONLY = {
  layer: { tokens: '--tokens', experts: '--experts', k: '--k', width: '--width', hidden: '--hidden', backward: '--no-backward' },
  spec: { model: '--model', set: '--set', root: '--root' },
} as const

/** Throws a Failure for an option that what is timed has no use for. */
function refuseOthers(command: Command, timed: keyof typeof ONLY): void {
  const other = timed === 'layer' ? 'spec' : 'layer'
  const given = Object.entries(ONLY[other]).find(([name]) => command.getOptionValueSource(name) === 'cli')
  if (given !== undefined)
    throw new Failure(
      EXIT.usage,
      `${given[1]} is for the ${other}, and what is timed is the ${timed}${timed === 'spec' ? "'s step" : ''}`,
    )
}

export const bench: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('[spec]', 'a spec whose training step is timed, in place of the layer')
      .addOption(
        new Option('--tokens <list>', 'tokens of a run, several separated by commas')
          .argParser((text: string) => text.split(',').map(positive))
          .default([256, 1], '256,1'),
      )
      .addOption(new Option('--experts <E>', 'experts').argParser(positive).default(8))
      .addOption(new Option('--k <k>', 'experts per token').argParser(positive).default(2))
      .addOption(new Option('--width <d>', 'width of a hidden state').argParser(positive).default(512))
      .addOption(new Option('--hidden <ff>', 'width inside of an expert').argParser(positive).default(1024))
      .addOption(
        new Option('--seconds <s>', 'how long each size, or the step, is run on each device').argParser(seconds).default(5),
      )
      .option('--no-backward', 'the forward pass alone')
      .addOption(modelOption())
      .addOption(setOption())
      .addOption(rootOption())
      .addOption(deviceOption('', '; several separated by commas take turns'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(formatOption())
      .action(
        run((path: string | undefined, options: Options) => {
          refuseOthers(command, path === undefined ? 'layer' : 'spec')
          return path === undefined ? benchLayer(options, terminal) : benchStep(path, options, terminal)
        }),
      ),
}
