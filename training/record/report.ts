/** The training report: the data of the charts of a run, from its record. Its size is bounded however long the run is. */
import type { DispatchTime } from '../../runtime/profile.ts'
import type { DataFacts, LayerRouting, ProbeEvent, StartEvent, StepEvent, ValidationEvent } from '../events.ts'
import { bins, curve, rounded, type Bins, type Curve } from './bins.ts'
import type { MetricsRecord } from './metrics.ts'
import { judge, type LayerVerdict } from './verdict.ts'

export const REPORT_FORMAT = 'smoe training report'
export const REPORT_VERSION = 3

export interface TrainingReport {
  readonly format: typeof REPORT_FORMAT
  readonly version: typeof REPORT_VERSION
  readonly model: string
  readonly adapter: string
  readonly seed: number
  readonly parameters: number
  /** Planned steps, and done steps. */
  readonly steps: number
  readonly done: number
  /** `running`: the record has no end event, because the run continues or was killed. */
  readonly state: 'done' | 'stopped' | 'running'
  readonly seconds: number
  /** How often it was resumed. */
  readonly resumed: number
  readonly training: DataFacts
  readonly validation: DataFacts | null
  readonly epochs: number
  /** Tokens, or examples, in a step. */
  readonly items: number
  readonly unit: 'token' | 'example'
  readonly curves: Curves
  readonly validations: Validations
  readonly routing: Routing
  /** Device times, the longest first; null if nothing was timed. */
  readonly kernels: readonly KernelTime[] | null
}

/** Values over bins that end with `steps`. */
export interface Curves {
  readonly steps: readonly number[]
  readonly loss: Curve
  readonly losses: Readonly<Record<string, Curve>>
  readonly metrics: Readonly<Record<string, Curve>>
  readonly learningRate: Curve
  readonly gradientNorm: Curve
  readonly throughput: Curve
}

export interface Validations {
  readonly steps: readonly number[]
  readonly loss: readonly number[]
  readonly losses: Readonly<Record<string, readonly (number | null)[]>>
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>
}

export interface Routing {
  /** The last step of each bin. */
  readonly steps: readonly number[]
  /** The step of each probe. */
  readonly probes: readonly number[]
  readonly layers: readonly LayerHistory[]
  /** Verdicts on the last steps, of layers whose routing was reported. */
  readonly verdicts: readonly LayerVerdict[]
}

export interface LayerHistory {
  readonly layer: string
  readonly experts: number
  /** Tokens of each expert in each bin, [bins, E]; empty if no routing was reported. */
  readonly load: readonly (readonly number[])[]
  readonly dropped: readonly number[]
  readonly cv: readonly (number | null)[]
  readonly maxVio: readonly (number | null)[]
  readonly allocationEntropy: readonly (number | null)[]
  readonly weightEntropy: readonly (number | null)[]
  /** For each probe. */
  readonly changeTop1: readonly (number | null)[]
  readonly changeSet: readonly (number | null)[]
  /** Steps, from 1, with a competition; null if the layer has none. */
  readonly competitions: readonly number[] | null
}

export interface KernelTime {
  readonly kernel: string
  readonly template: string
  /** The label of its first dispatch. */
  readonly label: string
  readonly dispatches: number
  readonly nanoseconds: number
}

/** The maximum number of bins of a curve, and of loads of all layers. */
const [MAX_BINS, MAX_LOADS] = [480, 400_000]

type Values = Readonly<Record<string, number>>

const namesIn = (all: readonly Values[]): readonly string[] => [...new Set(all.flatMap((values) => Object.keys(values)))]

function curvesOf(steps: readonly StepEvent[], over: Bins): Curves {
  const one = (of: (event: StepEvent) => number | null): Curve =>
    curve(
      steps.map((event) => [event.step, of(event)]),
      over,
    )
  const named = (of: (event: StepEvent) => Values): Readonly<Record<string, Curve>> =>
    Object.fromEntries(namesIn(steps.map(of)).map((name) => [name, one((event) => of(event)[name] ?? null)]))
  return {
    steps: over.steps,
    loss: one(({ loss }) => loss),
    losses: named(({ losses }) => losses),
    metrics: named(({ metrics }) => metrics),
    learningRate: one(({ learningRate }) => learningRate),
    gradientNorm: one(({ gradientNorm }) => gradientNorm),
    throughput: one(({ throughput }) => throughput),
  }
}

function validationsOf(all: readonly ValidationEvent[]): Validations {
  const named = (of: (event: ValidationEvent) => Values): Validations['losses'] =>
    Object.fromEntries(
      namesIn(all.map(of)).map((name) => [
        name,
        all.map((event) => of(event)[name] ?? null).map((value) => (value === null ? null : rounded(value))),
      ]),
    )
  return {
    steps: all.map(({ step }) => step),
    loss: all.map(({ loss }) => rounded(loss)),
    losses: named(({ losses }) => losses),
    metrics: named(({ metrics }) => metrics),
  }
}

/** Sums counts in bins. */
function sums(
  rows: readonly (readonly [step: number, counts: readonly number[]])[],
  width: number,
  { steps, of }: Bins,
): number[][] {
  const all = steps.map(() => new Array<number>(width).fill(0))
  for (const [step, counts] of rows) for (const [at, count] of counts.entries()) all[of(step)][at] += count
  return all
}

/** The steps of all competitions of a layer; null if it has none. */
function stepsOf(layer: string, schedule: StartEvent['competitions']): readonly number[] | null {
  const own = Object.entries(schedule).flatMap(([name, steps]) => (name === layer || name.startsWith(`${layer}#`) ? [steps] : []))
  return own.length === 0 ? null : [...new Set(own.flat())].sort((a, b) => a - b).map((step) => step + 1)
}

function layerOf(
  { layer, experts }: StartEvent['layers'][number],
  steps: readonly StepEvent[],
  probes: readonly ProbeEvent[],
  schedule: StartEvent['competitions'],
  over: Bins,
): LayerHistory {
  const reported = steps.flatMap(({ step, routing }) =>
    routing.filter((each) => each.layer === layer).map((each) => [step, each] as const),
  )
  const mean = (of: (routing: LayerRouting) => number | null): readonly (number | null)[] =>
    curve(
      reported.map(([step, each]) => [step, of(each)]),
      over,
    ).mean
  const probed = probes.map(({ layers }) => layers.find((each) => each.layer === layer))
  return {
    layer,
    experts,
    load:
      reported.length === 0
        ? []
        : sums(
            reported.map(([step, { load }]) => [step, load]),
            experts,
            over,
          ),
    dropped: sums(
      reported.map(([step, { dropped }]) => [step, [dropped]]),
      1,
      over,
    ).flat(),
    cv: mean(({ cv }) => cv),
    maxVio: mean(({ maxVio }) => maxVio),
    allocationEntropy: mean(({ allocationEntropy }) => allocationEntropy),
    weightEntropy: mean(({ weightEntropy }) => weightEntropy),
    changeTop1: probed.map((each) => each?.changeTop1 ?? null),
    changeSet: probed.map((each) => each?.changeSet ?? null),
    competitions: stepsOf(layer, schedule),
  }
}

function routingOf(
  { layers, competitions: schedule }: StartEvent,
  steps: readonly StepEvent[],
  probes: readonly ProbeEvent[],
  done: number,
): Routing {
  const experts = layers.reduce((sum, layer) => sum + layer.experts, 0)
  const over = bins(done, Math.max(40, Math.min(MAX_BINS, Math.floor(MAX_LOADS / Math.max(1, experts)))))
  return {
    steps: over.steps,
    probes: probes.map(({ step }) => step),
    layers: layers.map((layer) => layerOf(layer, steps, probes, schedule, over)),
    verdicts: judge(layers, steps),
  }
}

/** Sums the device times of each kernel. */
export function kernelTimes(times: readonly DispatchTime[]): readonly KernelTime[] {
  const found = new Map<string, KernelTime>()
  for (const { kernel, template, label, nanoseconds } of times) {
    const before = found.get(kernel) ?? { kernel, template, label, dispatches: 0, nanoseconds: 0 }
    found.set(kernel, { ...before, dispatches: before.dispatches + 1, nanoseconds: before.nanoseconds + nanoseconds })
  }
  return [...found.values()].sort((a, b) => b.nanoseconds - a.nanoseconds)
}

const ofKind = <K extends MetricsRecord['kind']>(
  records: readonly MetricsRecord[],
  kind: K,
): readonly Extract<MetricsRecord, { kind: K }>[] =>
  records.filter((record): record is Extract<MetricsRecord, { kind: K }> => record.kind === kind)

/** The report of a run from its record, which begins with a start event; `times` are those of the dispatches of one step. */
export function reportTraining(records: readonly MetricsRecord[], times: readonly DispatchTime[] | null = null): TrainingReport {
  const [starts, steps, end] = [ofKind(records, 'start'), ofKind(records, 'step'), ofKind(records, 'end').at(-1)]
  const start = starts.at(-1)
  if (start === undefined) throw new Error('a training record must begin with a start event')
  const last = steps.at(-1)
  const done = last?.step ?? 0
  const { model, adapter, seed, parameters, training, validation, items, unit } = start
  return {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    model,
    adapter,
    seed,
    parameters,
    steps: start.steps,
    done,
    state: end?.reason ?? 'running',
    seconds: end?.seconds ?? last?.seconds ?? 0,
    resumed: starts.filter((each) => each.done > 0).length,
    training,
    validation,
    epochs: last?.epoch ?? 0,
    items,
    unit,
    curves: curvesOf(steps, bins(done, MAX_BINS)),
    validations: validationsOf(ofKind(records, 'validation')),
    routing: routingOf(start, steps, ofKind(records, 'probe'), done),
    kernels: times === null ? null : kernelTimes(times),
  }
}
