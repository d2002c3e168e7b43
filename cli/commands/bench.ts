/** `smoe bench`: one mixture-of-experts layer on this machine, timed. */
import { Option, type Command } from 'commander'
import { compile } from '../../compiler/compile.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { LAYER, layerFlops, type LayerSize } from '../bench/layer.ts'
import { randomCheckpoint, randomTensor } from '../bench/random.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { deviceOption, openChosen } from '../device.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { createLoader } from '../load.ts'
import { milliseconds, table, writeJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import { createRandom } from '../random.ts'
import { fastestProfile, kernelTimes, profileTable, type KernelTime } from '../run/profile.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends LayerSize, FormatOption {
  readonly tokens: readonly number[]
  readonly device: string
  readonly seconds: number
}

interface Measurement {
  readonly tokens: number
  readonly runs: number
  /** From handing over the input to having the output, milliseconds. */
  readonly best: number
  readonly median: number
  readonly gflops: number
  /** Of the fastest profiled run; null where the adapter has no clock. */
  readonly kernels: readonly KernelTime[] | null
}

const SEED = 1
const WARM_UP = 2
const FEWEST_RUNS = 5

async function timeRuns(session: Session, x: HostData, seconds: number, onRun: (part: number) => void): Promise<readonly number[]> {
  for (let run = 0; run < WARM_UP; run++) await session.run({ x })
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  while (times.length < FEWEST_RUNS || performance.now() < end) {
    const start = performance.now()
    await session.run({ x })
    times.push(performance.now() - start)
    onRun(1 - Math.max(0, end - performance.now()) / (seconds * 1000))
  }
  return times.sort((a, b) => a - b)
}

async function measure(session: Session, tokens: number, options: Options, terminal: Terminal): Promise<Measurement> {
  const x = randomTensor([tokens, options.width], createRandom(SEED), 1)
  const progress = createProgress(terminal, `T = ${tokens}`, 1)
  const times = await timeRuns(session, x, options.seconds, (part) => progress.update(part))
  const hasClock = session.device.gpu.features.has('timestamp-query')
  const kernels = hasClock ? kernelTimes((await fastestProfile(session, { x })).steps) : null
  progress.end()
  const best = times[0]
  return { tokens, runs: times.length, best, median: times[Math.floor(times.length / 2)], gflops: layerFlops(options, tokens) / best / 1e6, kernels }
}

async function measureAll(device: Device, options: Options, terminal: Terminal): Promise<readonly Measurement[]> {
  const { experts: E, k, width: D, hidden: F } = options
  const { plan, diagnostics } = compile(LAYER, { load: createLoader(terminal), set: { E, k, D, F }, target: device.target })
  if (plan === null) throw new Failure(EXIT.usage, diagnostics.map(({ message }) => message).join('; '))
  const session = await createSession(device, plan)
  try {
    await session.loadWeights(randomCheckpoint(plan, SEED))
    const measurements: Measurement[] = []
    for (const tokens of options.tokens) measurements.push(await measure(session, tokens, options, terminal))
    return measurements
  } finally {
    session.dispose()
  }
}

function report(adapter: string, options: Options, measurements: readonly Measurement[], terminal: Terminal): void {
  const { experts, k, width, hidden } = options
  terminal.out(`SwiGLU mixture of experts, f32, E=${experts} k=${k} d=${width} ff=${hidden}\nadapter: ${adapter}\n\n`)
  const rows = measurements.map(({ tokens, best, median, gflops, runs }) =>
    [String(tokens), milliseconds(best), milliseconds(median), gflops.toFixed(2), String(runs)])
  terminal.out(table([['T', 'ms best', 'ms median', 'GFLOP/s', 'runs'], ...rows], '>>>>>'))
  for (const { tokens, kernels } of measurements) if (kernels !== null) terminal.out(`\nT = ${tokens}, by kernel\n${profileTable(kernels)}`)
}

async function runBench(options: Options, terminal: Terminal): Promise<ExitCode> {
  const device = await openChosen(options.device, terminal)
  try {
    const measurements = await measureAll(device, options, terminal)
    const { experts, k, width, hidden } = options
    if (options.format === 'json') writeJson(terminal, { adapter: device.target.name, experts, k, width, hidden, dtype: 'f32', measurements })
    else report(device.target.name, options, measurements, terminal)
    return EXIT.ok
  } finally {
    device.dispose()
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Failure(EXIT.usage, `'${text}' is no positive whole number`)
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Failure(EXIT.usage, `'${text}' is no time in seconds`)
  return value
}

export const bench: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .addOption(new Option('--tokens <list>', 'tokens of a run, several separated by commas')
        .argParser((text: string) => text.split(',').map(positive)).default([256, 1], '256,1'))
      .addOption(new Option('--experts <E>', 'experts').argParser(positive).default(8))
      .addOption(new Option('--k <k>', 'experts that answer each token').argParser(positive).default(2))
      .addOption(new Option('--width <d>', 'width of a hidden state').argParser(positive).default(512))
      .addOption(new Option('--hidden <ff>', 'width inside of an expert').argParser(positive).default(1024))
      .addOption(new Option('--seconds <s>', 'how long each size is run').argParser(seconds).default(3))
      .addOption(deviceOption())
      .addOption(formatOption())
      .action(run((options: Options) => runBench(options, terminal))),
}
