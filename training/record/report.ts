/** What a picture of a run is drawn from, made of its record; small however long the run was. */
import type { StepTime } from '../../runtime/profile.ts'
import type { DataFacts, LayerRouting, ProbeEvent, StartEvent, StepEvent, ValidationEvent } from '../events.ts'
import { bins, curve, rounded, type Bins, type Curve } from './bins.ts'
import type { MetricsRecord } from './metrics.ts'
import { judge, type LayerVerdict } from './verdict.ts'

export const REPORT_FORMAT = 'smoe training report'
export const REPORT_VERSION = 2

export interface TrainingReport {
  readonly format: typeof REPORT_FORMAT
  readonly version: typeof REPORT_VERSION
  readonly model: string
  readonly adapter: string
  readonly seed: number
  readonly parameters: number
  /** Steps that were planned, and those that are done. */
  readonly steps: number
  readonly done: number
  /** `running`: the record has no end, for it goes on or was killed. */
  readonly state: 'done' | 'stopped' | 'running'
  readonly seconds: number
  /** How often it went on from a checkpoint. */
  readonly resumed: number
  readonly training: DataFacts
  readonly validation: DataFacts | null
  readonly epochs: number
  /** Tokens, or examples, of a step. */
  readonly items: number
  readonly unit: 'token' | 'example'
  readonly curves: Curves
  readonly validations: Validations
  readonly routing: Routing
  /** Of the busiest first; null where nothing was timed. */
  readonly kernels: readonly KernelTime[] | null
}

/** Over the pieces that end with `steps`. */
export interface Curves {
  readonly steps: readonly number[]
  readonly loss: Curve
  readonly losses: Readonly<Record<string, Curve>>
  readonly metrics: Readonly<Record<string, Curve>>
  readonly rate: Curve
  readonly norm: Curve
  readonly pace: Curve
}

export interface Validations {
  readonly steps: readonly number[]
  readonly loss: readonly number[]
  readonly losses: Readonly<Record<string, readonly (number | null)[]>>
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>
}

export interface Routing {
  /** Ends of the pieces of everything but the probes. */
  readonly steps: readonly number[]
  readonly probes: readonly number[]
  readonly layers: readonly LayerHistory[]
  /** At the end, of the layers whose routes were read back. */
  readonly verdicts: readonly LayerVerdict[]
}

export interface LayerHistory {
  readonly layer: string
  readonly experts: number
  /** Of each piece, the slots that each expert answered; empty where nothing was read back. */
  readonly load: readonly (readonly number[])[]
  readonly dropped: readonly number[]
  readonly cv: readonly (number | null)[]
  readonly maxVio: readonly (number | null)[]
  readonly allocationEntropy: readonly (number | null)[]
  readonly weightEntropy: readonly (number | null)[]
  /** Of the probes. */
  readonly changeTop1: readonly (number | null)[]
  readonly changeSet: readonly (number | null)[]
  /** Steps, from 1, in which the layer was to compete; null where it never could. */
  readonly contests: readonly number[] | null
}

export interface KernelTime {
  readonly kernel: string
  readonly template: string
  /** What it computes first. */
  readonly label: string
  readonly dispatches: number
  readonly nanoseconds: number
}

/** Pieces of a curve, and loads in all, that a page has room for. */
const [MOST, LOADS] = [480, 400_000]

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
    rate: one(({ rate }) => rate),
    norm: one(({ norm }) => norm),
    pace: one(({ pace }) => pace),
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

/** Sums, piece by piece. */
function sums(
  rows: readonly (readonly [step: number, counts: readonly number[]])[],
  width: number,
  { steps, of }: Bins,
): number[][] {
  const all = steps.map(() => new Array<number>(width).fill(0))
  for (const [step, counts] of rows) for (const [at, count] of counts.entries()) all[of(step)][at] += count
  return all
}

/** Of all contests of the layer, those of its further blocks too; null where it has none. */
function stepsOf(layer: string, schedule: StartEvent['schedule']): readonly number[] | null {
  const own = Object.entries(schedule).flatMap(([name, steps]) => (name === layer || name.startsWith(`${layer}#`) ? [steps] : []))
  return own.length === 0 ? null : [...new Set(own.flat())].sort((a, b) => a - b).map((step) => step + 1)
}

function layerOf(
  { layer, experts }: StartEvent['layers'][number],
  steps: readonly StepEvent[],
  probes: readonly ProbeEvent[],
  schedule: StartEvent['schedule'],
  over: Bins,
): LayerHistory {
  const told = steps.flatMap(({ step, routing }) =>
    routing.filter((each) => each.layer === layer).map((each) => [step, each] as const),
  )
  const mean = (of: (routing: LayerRouting) => number | null): readonly (number | null)[] =>
    curve(
      told.map(([step, each]) => [step, of(each)]),
      over,
    ).mean
  const probed = probes.map(({ layers }) => layers.find((each) => each.layer === layer))
  return {
    layer,
    experts,
    load:
      told.length === 0
        ? []
        : sums(
            told.map(([step, { load }]) => [step, load]),
            experts,
            over,
          ),
    dropped: sums(
      told.map(([step, { dropped }]) => [step, [dropped]]),
      1,
      over,
    ).flat(),
    cv: mean(({ cv }) => cv),
    maxVio: mean(({ maxVio }) => maxVio),
    allocationEntropy: mean(({ allocationEntropy }) => allocationEntropy),
    weightEntropy: mean(({ weightEntropy }) => weightEntropy),
    changeTop1: probed.map((each) => each?.changeTop1 ?? null),
    changeSet: probed.map((each) => each?.changeSet ?? null),
    contests: stepsOf(layer, schedule),
  }
}

function routingOf(
  { layers, schedule }: StartEvent,
  steps: readonly StepEvent[],
  probes: readonly ProbeEvent[],
  done: number,
): Routing {
  const experts = layers.reduce((sum, layer) => sum + layer.experts, 0)
  const over = bins(done, Math.max(40, Math.min(MOST, Math.floor(LOADS / Math.max(1, experts)))))
  return {
    steps: over.steps,
    probes: probes.map(({ step }) => step),
    layers: layers.map((layer) => layerOf(layer, steps, probes, schedule, over)),
    verdicts: judge(layers, steps),
  }
}

/** One entry a kernel, however often it was dispatched. */
export function kernelTimes(times: readonly StepTime[]): readonly KernelTime[] {
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

/** The report of a record, which begins with a start; `times` are those of the dispatches of one step. */
export function reportTraining(records: readonly MetricsRecord[], times: readonly StepTime[] | null = null): TrainingReport {
  const [starts, steps, end] = [ofKind(records, 'start'), ofKind(records, 'step'), ofKind(records, 'end').at(-1)]
  const start = starts.at(-1)
  if (start === undefined) throw new Error('a record of training begins with a start')
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
    curves: curvesOf(steps, bins(done, MOST)),
    validations: validationsOf(ofKind(records, 'validation')),
    routing: routingOf(start, steps, ofKind(records, 'probe'), done),
    kernels: times === null ? null : kernelTimes(times),
  }
}
