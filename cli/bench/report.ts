/** What was measured, as text. */
import { loadavg } from 'node:os'
import { bytes, milliseconds, plural, table } from '../output.ts'
import { profileTable } from '../run/profile.ts'
import type { Terminal } from '../terminal.ts'
import { verdict } from './comparison.ts'
import type { LayerMeasurement, SizeMeasurement } from './layer-bench.ts'
import type { LayerSize } from './layer.ts'
import type { Measurement, Timing } from './measure.ts'
import type { StepMeasurement } from './step-bench.ts'

/** The mean number of processes that ran or waited in the last minute. */
export interface Load {
  readonly before: number
  readonly after: number
}

export const loadNow = (): number => loadavg()[0]

/** What takes turns, by name. */
interface Named {
  readonly name: string
  readonly detail: string
}

function head(title: string, all: readonly Named[], { before, after }: Load): string {
  const adapters = table(all.map(({ name, detail }) => [`  ${name}`, detail]))
  return `${title}\ndevices, in turns:\n${adapters}load: ${before.toFixed(1)} before, ${after.toFixed(1)} after\n\n`
}

const timing = ({ best, median, low, high }: Timing): readonly string[] => [
  milliseconds(best),
  milliseconds(median),
  `${milliseconds(low)} to ${milliseconds(high)}`,
]

const row = (device: string, measured: Measurement): readonly string[] => [
  device,
  ...timing(measured),
  measured.gflops.toFixed(2),
  bytes(measured.scratch),
  String(measured.runs),
]

function rowsOf({ tokens, devices }: SizeMeasurement): readonly (readonly string[])[] {
  const forward = devices.map((one) => ['', '', ...row(one.device, one.forward)])
  const training = devices.flatMap(({ device, training }) =>
    training === null ? [] : [['', '', ...row(device, training), `${training.toForward.median.toFixed(2)} x`]],
  )
  const named = (rows: readonly (readonly string[])[], first: string, what: string): readonly (readonly string[])[] =>
    rows.map((cells, at) => (at === 0 ? [first, what, ...cells.slice(2)] : cells))
  return [...named(forward, String(tokens), 'forward'), ...named(training, '', 'and backward')]
}

const LAYER_HEAD = ['T', '', 'device', 'ms best', 'median', 'half of the runs', 'GFLOP/s', 'activations', 'runs', 'to forward']

const shareLine = ({ device, shareOfDense }: LayerMeasurement): readonly string[] =>
  shareOfDense === null
    ? []
    : [`${device}: its grouped products reach ${(100 * shareOfDense).toFixed(0)} % of the speed of a dense one`]

/** The verdicts of one size in words. */
function verdictsOf({ tokens, devices, comparisons }: SizeMeasurement): readonly string[] {
  const [{ device, forward, training }] = devices
  const say = (what: string, words: string): string => `T = ${tokens}, ${what}: ${words}`
  return [
    say('forward', verdict(device, forward.median, comparisons.forward)),
    ...(training === null ? [] : [say('and backward', verdict(device, training.median, comparisons.training ?? []))]),
    ...devices.flatMap(shareLine).map((words) => `T = ${tokens}, ${words}`),
  ]
}

function kernelTables({ tokens, devices }: SizeMeasurement): readonly string[] {
  return devices.flatMap(({ device, forward, training }) => [
    ...(forward.kernels === null ? [] : [`\nT = ${tokens}, forward on ${device}, by kernel\n${profileTable(forward.kernels)}`]),
    ...(training === null || training.kernels === null
      ? []
      : [`\nT = ${tokens}, forward and backward on ${device}, by kernel\n${profileTable(training.kernels)}`]),
  ])
}

export function reportLayer(
  { experts, k, width, hidden }: LayerSize,
  devices: readonly Named[],
  load: Load,
  sizes: readonly SizeMeasurement[],
  terminal: Terminal,
): void {
  terminal.out(head(`SwiGLU mixture of experts, f32, E=${experts} k=${k} d=${width} ff=${hidden}`, devices, load))
  terminal.out(table([LAYER_HEAD, ...sizes.flatMap(rowsOf)], '><<>>>>>>>'))
  terminal.out(`\n${sizes.flatMap(verdictsOf).join('\n')}\n`)
  // of several devices they would be pages; JSON has them
  if (devices.length === 1) for (const text of sizes.flatMap(kernelTables)) terminal.out(text)
}

export function reportStep(
  title: string,
  all: readonly Named[],
  load: Load,
  { devices: measured, comparisons }: StepMeasurement,
  terminal: Terminal,
): void {
  terminal.out(head(title, all, load))
  const rows = measured.map((one) => [one.device, ...timing(one), String(one.runs)])
  terminal.out(table([['device', 'ms best', 'median', 'half of the runs', 'runs'], ...rows], '<>>>>'))
  terminal.out(`\n${verdict(measured[0].device, measured[0].median, comparisons)}\n`)
}

/** `a training step of characters: 8 x 64 tokens` */
export const stepTitle = (model: string, microBatches: number, batch: Readonly<Record<string, number>>): string =>
  `a training step of ${model}, f32: ${plural(microBatches, 'micro-batch', 'micro-batches')} of ${Object.entries(batch)
    .map(([dim, size]) => `${dim}=${size}`)
    .join(' ')}, and the update`
