/** The layer on several devices in turns: alone, with its gradients, and its products beside dense ones. */
import { createProgress } from '../progress.ts'
import { createRandom } from '../random.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import type { Session } from '../../runtime/session.ts'
import { compare, type Comparison } from './comparison.ts'
import type { NamedDevice } from './devices.ts'
import { INPUT, layerFlops, trainingFlops, UPSTREAM, type LayerSize } from './layer.ts'
import { caseOf, measure, type Case, type Measurement } from './measure.ts'
import { densePlan, forwardPlan, trainingPlan } from './plans.ts'
import { shareOfDense } from './products.ts'
import { randomCheckpoint, randomTensor } from './random.ts'
import { ratio, type Spread } from './statistics.ts'
import { takeTurns, type Rounds } from './turns.ts'

export interface LayerOptions extends LayerSize {
  readonly tokens: readonly number[]
  readonly seconds: number
  readonly backward: boolean
}

interface TrainingMeasurement extends Measurement {
  /** How many times as long as the layer alone, round by round. */
  readonly toForward: Spread
}

export interface LayerMeasurement {
  /** The name by which the device was asked for. */
  readonly device: string
  readonly forward: Measurement
  /** The layer with its gradients, where they were asked for. */
  readonly training: TrainingMeasurement | null
  /** The share of the speed of a dense product of the same shape that the grouped ones reach; null without a clock. */
  readonly shareOfDense: number | null
}

export interface SizeMeasurement {
  readonly tokens: number
  readonly devices: readonly LayerMeasurement[]
  /** How many times as fast the first device is as each other one. */
  readonly comparisons: { readonly forward: readonly Comparison[]; readonly training: readonly Comparison[] | null }
}

const SEED = 1

/** What one device runs. */
interface Cases {
  readonly name: string
  readonly forward: Case
  readonly dense: Case
  readonly training: Case | null
}

async function openLoaded(device: Device, plan: Plan, terminal: Terminal): Promise<Session> {
  const session = await openSession(device, plan, terminal)
  await session.loadWeights(randomCheckpoint(plan, SEED))
  return session
}

async function openCases(
  { name, device }: NamedDevice,
  tokens: number,
  options: LayerOptions,
  terminal: Terminal,
  owned: Session[],
): Promise<Cases> {
  const random = createRandom(SEED)
  const tensor = (rows: number) => randomTensor([rows, options.width], random, 1)
  const [x, dy, rows] = [tensor(tokens), tensor(tokens), tensor(tokens * options.k)]
  const open = async (plan: Plan, inputs: Case['inputs'], flops: number): Promise<Case> => {
    const session = await openLoaded(device, plan, terminal)
    owned.push(session)
    return caseOf(session, inputs, flops)
  }
  const { target } = device
  return {
    name,
    forward: await open(forwardPlan(options, target, terminal), { [INPUT]: x }, layerFlops(options, tokens)),
    dense: await open(densePlan(options, target, terminal), { [INPUT]: rows }, layerFlops(options, tokens)),
    training: options.backward
      ? await open(
          trainingPlan(options, tokens, target, terminal),
          { [INPUT]: x, [UPSTREAM]: dy },
          trainingFlops(options, tokens),
        )
      : null,
  }
}

interface Turns {
  readonly forward: readonly Rounds[]
  /** None where no gradients were asked for. */
  readonly training: readonly Rounds[]
}

async function turnsOf(all: readonly Cases[], tokens: number, seconds: number, terminal: Terminal): Promise<Turns> {
  const forward = all.map((one) => one.forward)
  const training = all.flatMap((one) => one.training ?? [])
  const progress = createProgress(terminal, `T = ${tokens}`, 1)
  try {
    const rounds = await takeTurns([...forward, ...training], seconds, (part) => progress.update(part))
    return { forward: rounds.slice(0, all.length), training: rounds.slice(all.length) }
  } finally {
    progress.end()
  }
}

async function measureDevice(
  { name, forward, training, dense }: Cases,
  own: Rounds,
  ownTraining?: Rounds,
): Promise<LayerMeasurement> {
  return {
    device: name,
    forward: await measure(forward, own),
    training:
      training === null || ownTraining === undefined
        ? null
        : { ...(await measure(training, ownTraining)), toForward: ratio(ownTraining, own) },
    shareOfDense: await shareOfDense(forward, dense),
  }
}

async function measureSize(
  devices: readonly NamedDevice[],
  tokens: number,
  options: LayerOptions,
  terminal: Terminal,
): Promise<SizeMeasurement> {
  const owned: Session[] = []
  try {
    const all: Cases[] = []
    for (const device of devices) all.push(await openCases(device, tokens, options, terminal, owned))
    const turns = await turnsOf(all, tokens, options.seconds, terminal)
    const measured: LayerMeasurement[] = []
    for (const [at, cases] of all.entries()) measured.push(await measureDevice(cases, turns.forward[at], turns.training[at]))
    const comparisonsOf = (rounds: readonly Rounds[]): readonly Comparison[] =>
      compare(rounds.map((own, at) => ({ name: all[at].name, rounds: own })))
    return {
      tokens,
      devices: measured,
      comparisons: {
        forward: comparisonsOf(turns.forward),
        training: options.backward ? comparisonsOf(turns.training) : null,
      },
    }
  } finally {
    for (const session of owned) session.dispose()
  }
}

export async function measureLayer(
  devices: readonly NamedDevice[],
  options: LayerOptions,
  terminal: Terminal,
): Promise<readonly SizeMeasurement[]> {
  const sizes: SizeMeasurement[] = []
  for (const tokens of options.tokens) sizes.push(await measureSize(devices, tokens, options, terminal))
  return sizes
}
