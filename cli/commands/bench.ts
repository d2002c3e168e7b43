/** `smoe bench`: one mixture-of-experts layer on this machine, timed, alone and with its gradients. */
import { Option, type Command } from 'commander'
import { layerFlops, trainingFlops, UPSTREAM, type LayerSize } from '../bench/layer.ts'
import { alternate, measure, ratio, type Measurement, type Repeated } from '../bench/measure.ts'
import { forwardPlan, trainingPlan } from '../bench/plans.ts'
import { randomCheckpoint, randomTensor } from '../bench/random.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import type { Session } from '../../runtime/session.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { deviceOption, fastOption, openChosen, threadsOption, type DeviceOptions } from '../device.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { bytes, milliseconds, table, writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { createRandom } from '../random.ts'
import { profileTable } from '../run/profile.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends LayerSize, FormatOption, DeviceOptions {
  readonly tokens: readonly number[]
  readonly seconds: number
  readonly backward: boolean
}

interface TrainingMeasurement extends Measurement {
  /** How many times as long as the layer alone: the median of the rounds. */
  readonly toForward: number
}

interface SizeMeasurement extends Measurement {
  readonly tokens: number
  /** The layer with its gradients, where they were asked for: run in turns with the layer alone. */
  readonly training: TrainingMeasurement | null
}

const SEED = 1

async function measureSize(
  device: Device,
  forward: Session,
  tokens: number,
  options: Options,
  terminal: Terminal,
): Promise<SizeMeasurement> {
  const random = createRandom(SEED)
  const [x, dy] = [randomTensor([tokens, options.width], random, 1), randomTensor([tokens, options.width], random, 1)]
  const training = options.backward
    ? await openLoaded(device, trainingPlan(options, tokens, device.target, terminal), terminal)
    : null
  const progress = createProgress(terminal, `T = ${tokens}`, 1)
  try {
    const inForward: Repeated = { session: forward, inputs: { x } }
    const inTraining: readonly Repeated[] = training === null ? [] : [{ session: training, inputs: { x, [UPSTREAM]: dy } }]
    const [ofForward, ofTraining] = await alternate([inForward, ...inTraining], options.seconds, (part) => progress.update(part))
    const alone = await measure(inForward, ofForward, layerFlops(options, tokens))
    if (inTraining.length === 0) return { tokens, ...alone, training: null }
    const both = await measure(inTraining[0], ofTraining, trainingFlops(options, tokens))
    return { tokens, ...alone, training: { ...both, toForward: ratio(ofTraining, ofForward) } }
  } finally {
    progress.end()
    training?.dispose()
  }
}

async function openLoaded(device: Device, plan: Plan, terminal: Terminal): Promise<Session> {
  const session = await openSession(device, plan, terminal)
  await session.loadWeights(randomCheckpoint(plan, SEED))
  return session
}

async function measureAll(device: Device, options: Options, terminal: Terminal): Promise<readonly SizeMeasurement[]> {
  const session = await openLoaded(device, forwardPlan(options, device.target, terminal), terminal)
  try {
    const measurements: SizeMeasurement[] = []
    for (const tokens of options.tokens) measurements.push(await measureSize(device, session, tokens, options, terminal))
    return measurements
  } finally {
    session.dispose()
  }
}

const row = ({ best, median, gflops, scratch, runs }: Measurement): readonly string[] => [
  milliseconds(best),
  milliseconds(median),
  gflops.toFixed(2),
  bytes(scratch),
  String(runs),
]

function report(adapter: string, options: Options, measurements: readonly SizeMeasurement[], terminal: Terminal): void {
  const { experts, k, width, hidden } = options
  terminal.out(`SwiGLU mixture of experts, f32, E=${experts} k=${k} d=${width} ff=${hidden}\nadapter: ${adapter}\n\n`)
  const rows = measurements.flatMap(({ tokens, training, ...alone }) => [
    [String(tokens), 'forward', ...row(alone), ''],
    ...(training === null ? [] : [['', 'and backward', ...row(training), `${training.toForward.toFixed(2)} x`]]),
  ])
  terminal.out(table([['T', '', 'ms best', 'ms median', 'GFLOP/s', 'activations', 'runs', 'to forward'], ...rows], '><>>>>>>'))
  for (const { tokens, kernels, training } of measurements) {
    if (kernels !== null) terminal.out(`\nT = ${tokens}, forward, by kernel\n${profileTable(kernels)}`)
    if (training !== null && training.kernels !== null)
      terminal.out(`\nT = ${tokens}, forward and backward, by kernel\n${profileTable(training.kernels)}`)
  }
}

async function runBench(options: Options, terminal: Terminal): Promise<ExitCode> {
  const device = await openChosen(options, terminal)
  try {
    const measurements = await measureAll(device, options, terminal)
    const { experts, k, width, hidden } = options
    if (options.format === 'json')
      writeJson(terminal, { adapter: device.target.name, experts, k, width, hidden, dtype: 'f32', measurements })
    else report(device.target.name, options, measurements, terminal)
    return EXIT.ok
  } finally {
    device.dispose()
  }
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

export const bench: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .addOption(
        new Option('--tokens <list>', 'tokens of a run, several separated by commas')
          .argParser((text: string) => text.split(',').map(positive))
          .default([256, 1], '256,1'),
      )
      .addOption(new Option('--experts <E>', 'experts').argParser(positive).default(8))
      .addOption(new Option('--k <k>', 'experts per token').argParser(positive).default(2))
      .addOption(new Option('--width <d>', 'width of a hidden state').argParser(positive).default(512))
      .addOption(new Option('--hidden <ff>', 'width inside of an expert').argParser(positive).default(1024))
      .addOption(new Option('--seconds <s>', 'how long each size is run').argParser(seconds).default(5))
      .option('--no-backward', 'the forward pass alone')
      .addOption(deviceOption())
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(formatOption())
      .action(run((options: Options) => runBench(options, terminal))),
}
