/** Opens a model for evaluation, on a device or in the reference. */
import type { Predict } from '../../analysis/eval/evaluate.ts'
import type { LowerOptions } from '../../compiler/lower/lower.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import type { Device } from '../../runtime/device.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import type { SpecOptions } from '../checking.ts'
import { compileSource, type Compiled } from '../compilation.ts'
import { compileContinued } from './continued.ts'
import { maskedExperts, type MaskOption } from './masked.ts'
import { openModelSource } from './source.ts'
import { wholeSequence, type Continuation } from '../../generation/continuation.ts'
import { predictBy, sessionSequence } from '../../generation/session-sequence.ts'
import type { Session } from '../../runtime/session.ts'
import { bytes, milliseconds } from '../output.ts'
import { createProgress } from '../progress.ts'
import { readWeights, runReference } from '../run/reference.ts'
import { weightFormats, type WeightFormatOptions } from '../run/weight-formats.ts'
import { withWeights } from '../run/weight-files.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { noteUnread } from '../unread.ts'
import type { TextPorts } from '../../plan/text-ports.ts'
import { continuedPorts, textPorts } from './ports.ts'

export interface GivenModel {
  /** A spec, or a checkpoint: its folder, or a GGUF file. */
  readonly typed: string
  /** Where its weights are, if not in the checkpoint. */
  readonly weights?: string
  readonly weightsAs: WeightFormatOptions['weightsAs']
  readonly spec: SpecOptions
  /** Experts that no token may select. */
  readonly withoutExpert?: MaskOption['withoutExpert']
  /** What is read besides the outputs; the decisions of routers where it is absent. */
  readonly lower?: LowerOptions
}

export interface OpenModel {
  readonly name: string
  readonly ports: TextPorts
  readonly predict: Predict
}

/** A language model that continues a sequence. */
export interface ContinuedModel {
  readonly name: string
  readonly ports: TextPorts
  readonly sequence: Continuation
}

/** Runs the work with the model open for a sequence of so many tokens at most, and frees it in any case. */
export type WithSequence = <T>(given: GivenModel, longest: number, work: (model: ContinuedModel) => Promise<T>) => Promise<T>

/** Runs the work with the model open, and frees it in any case. Throws what compiling and loading throw. */
export type WithModel = <T>(given: GivenModel, work: (model: OpenModel) => Promise<T>) => Promise<T>

export type Run = (inputs: Readonly<Record<string, HostData>>) => Promise<Readonly<Record<string, FileData>>>

async function onDevice<T>(
  device: Device,
  compiled: Compiled,
  checkpoint: Checkpoint,
  terminal: Terminal,
  work: (run: Run, session: Session) => Promise<T>,
): Promise<T> {
  const { plan } = compiled
  const session = await openSession(device, plan, terminal)
  const progress = createProgress(terminal, `weights of ${plan.model}`, 1)
  try {
    const start = performance.now()
    const onProgress = (done: number, all: number): void => progress.update(all === 0 ? 1 : done / all, bytes(all))
    const loaded = await session.loadWeights(checkpoint, { allowExtra: true, onProgress })
    progress.end()
    noteUnread(checkpoint, loaded.extra, terminal)
    terminal.err(`${plan.model}: ${bytes(loaded.bytes)} of weights loaded in ${milliseconds(performance.now() - start)} ms\n`)
    return await work((inputs) => session.run(inputs), session)
  } finally {
    progress.end()
    session.dispose()
  }
}

async function onReference<T>(
  { graph, plan }: Compiled,
  checkpoint: Checkpoint,
  terminal: Terminal,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  if (graph === null) throw new Error('a plan without a graph')
  const weights = await readWeights(graph, checkpoint)
  noteUnread(checkpoint, matchWeights(plan, checkpoint).extra, terminal)
  return work(async (inputs) => runReference(graph, inputs, weights))
}

/** A model that is compiled, with its weights loaded. */
export interface Loaded {
  readonly compiled: Compiled
  readonly run: Run
  /** Null in the reference. */
  readonly session: Session | null
}

/**
 * Runs the work with the model loaded on a device, or in the reference where there is none, and frees it in any case. `check`
 * sees the plan before weights are read.
 */
export async function withLoaded<T>(
  device: Device | null,
  terminal: Terminal,
  { typed, weights: given, weightsAs, spec, withoutExpert, lower = { routes: true } }: GivenModel,
  check: (plan: Plan) => void,
  work: (loaded: Loaded) => Promise<T>,
  longest: number | null = null,
): Promise<T> {
  const { source, checkpoint: imported } = await openModelSource(typed, terminal)
  const weights = given ?? imported ?? undefined
  const formats = await weightFormats({ weights, weightsAs }, terminal)
  const added = { ...lower, ...formats, ...maskedExperts(source, spec, { withoutExpert }, terminal) }
  // the reference evaluates a graph anew each time
  const continued =
    device === null || longest === null
      ? null
      : compileContinued(source, spec, device.target, terminal, added, { sequences: 1, longest })
  const compiled = continued ?? compileSource(source, spec, device?.target ?? PORTABLE, terminal, added)
  check(compiled.plan)
  return withWeights({ weights }, compiled.plan, terminal, ({ checkpoint }) => {
    const open = (run: Run, session: Session | null = null) => work({ compiled, run, session })
    return device === null
      ? onReference(compiled, checkpoint, terminal, open)
      : onDevice(device, compiled, checkpoint, terminal, open)
  })
}

/** Opens language models. */
export const opener =
  (device: Device | null, terminal: Terminal): WithModel =>
  (given, work) =>
    withLoaded(device, terminal, given, textPorts, ({ compiled, run }) => {
      const ports = textPorts(compiled.plan)
      return work({ name: compiled.plan.model, ports, predict: predictBy(ports, compiled.graph?.routes ?? [], run) })
    })

const sequenceOf = ({ compiled: { graph }, run, session }: Loaded, ports: TextPorts): Continuation =>
  session === null
    ? wholeSequence(predictBy(ports, graph?.routes ?? [], run))
    : sessionSequence(session, ports, graph?.routes ?? [])

/** Opens language models that continue a sequence: a plan with a state where the model allows it. */
export const continuer =
  (device: Device | null, terminal: Terminal): WithSequence =>
  (given, longest, work) =>
    withLoaded(
      device,
      terminal,
      given,
      continuedPorts,
      (loaded) => {
        const ports = continuedPorts(loaded.compiled.plan)
        return work({ name: loaded.compiled.plan.model, ports, sequence: sequenceOf(loaded, ports) })
      },
      longest,
    )
