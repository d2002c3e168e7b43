/** The stages of a compiled graph on the same inputs, each compared with the one before; ends with the first that differs. */
import type { CompiledProgram } from '../../compiler/compile.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { F32 } from '../../compiler/reference/precision.ts'
import { bindDims } from '../../compiler/reference/bind.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { Plan, Program } from '../../plan/plan.ts'
import { chooseProgram } from '../../runtime/dims.ts'
import type { DispatchRunner } from '../../runtime/single-dispatch.ts'
import type { HostArray, HostData } from '../../runtime/tensors.ts'
import { plural } from '../output.ts'
import { compare, NOTHING, together } from './compare.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { usage } from './feeds.ts'
import { compareOnDevice, compareOnHost, type Scheduled } from './kernels.ts'
import { evaluated } from './align.ts'
import { comparePass, comparePasses, countChanges } from './passes.ts'
import type { Stage } from './stage.ts'

export interface Compiled {
  readonly graph: Graph
  readonly programs: readonly CompiledProgram[]
  readonly plan: Plan
}

/** A device that kernels run on. */
export interface DebugDevice {
  readonly name: string
  readonly runner: DispatchRunner
  /**
   * The whole plan: every output by its name, those that replace weights too. Null where the host cannot bring its weights to the
   * device.
   */
  readonly runPlan: (() => Promise<Readonly<Record<string, HostData>>>) | null
}

/** Called after each pass and each kernel with the work that is done, in kernels: a pass evaluates the whole graph, as all do. */
export type OnProgress = (done: number, total: number) => void

interface ProgramCase {
  readonly compiled: CompiledProgram
  readonly program: Program
  readonly feeds: Feeds
}

const programOf = ({ programs, plan }: Compiled, program: Program): CompiledProgram => {
  const runs = programs.filter(({ kind }) => kind === 'run')
  return program === plan.once ? programs.find(({ kind }) => kind === 'once')! : runs[plan.programs.indexOf(program)]
}

type Contents = ReadonlyMap<number, HostArray>

/** What a program has left on the device, buffer by buffer: nothing without one. Null after a difference. */
async function* stagesOfProgram(
  { compiled, program, feeds }: ProgramCase,
  plan: Plan,
  device: DebugDevice | null,
  onWork: (kernels: number) => void,
): AsyncGenerator<Stage, Contents | null> {
  const { stages, last } = comparePasses(program.name, evaluated(compiled.source, feeds), compiled.trace, feeds, () =>
    onWork(compiled.schedule.kernels.length),
  )
  yield* stages
  if (stages.some(({ finding }) => finding !== null)) return null
  const scheduled: Scheduled = { graph: last.graph, schedule: compiled.schedule, plan, program }
  const host = compareOnHost(scheduled, feeds, () => onWork(1))
  yield host
  if (host.finding !== null) return null
  if (device === null) return new Map()
  const { stage, contents } = await compareOnDevice(scheduled, feeds, device.runner, device.name, () => onWork(1))
  yield stage
  return stage.finding === null ? contents : null
}

/**
 * The whole plan beside its kernels one by one, whose bytes it must give: what is left to differ is memory that buffers share,
 * copies and the order of dispatches.
 */
async function planStage({ graph, plan }: Compiled, contents: Contents, { name, runPlan }: DebugDevice): Promise<Stage> {
  if (runPlan === null)
    return { name: `the whole plan on ${name}`, compared: 'not run: it has weights in f16', comparison: NOTHING, finding: null }
  const outputs = await runPlan()
  const results = plan.outputs.flatMap((port) => {
    const [values, got] = [contents.get(port.buffer), outputs[port.name]]
    if (values === undefined || got === undefined) return []
    const { node } = graph.outputs.find((output) => output.name === port.name)!
    const value = hostTensor(got.shape, 'f32', Float64Array.from(values))
    return [{ name: port.name, node, comparison: compare(got.data, { value, error: new Float64Array(values.length) }, F32) }]
  })
  const wrong = results.find(({ comparison }) => comparison.mismatch !== null)
  return {
    name: `the whole plan on ${name}`,
    compared: plural(results.length, 'output'),
    comparison: together(results.map(({ comparison }) => comparison)),
    finding:
      wrong === undefined
        ? null
        : {
            message: `the plan as a whole computes something else than its kernels one by one, on ${name}`,
            mismatch: wrong.comparison.mismatch!,
            value: `output ${wrong.name}`,
            node: wrong.node,
            kernel: null,
          },
  }
}

const outputsOf = (graph: Graph, values: ReadonlyMap<Node, HostTensor>): Record<string, HostTensor> =>
  Object.fromEntries(graph.outputs.map(({ name, node }) => [name, values.get(node)!]))

/** What is evaluated for a program, in kernels. */
const countWork = ({ source, trace, schedule }: CompiledProgram, hasDevice: boolean): number =>
  schedule.kernels.length * (countChanges(source, trace) + (hasDevice ? 2 : 1))

/** Every stage that is reached. Throws a Failure where inputs or weights do not fit. */
export async function* stagesOf(
  compiled: Compiled,
  feeds: Feeds,
  device: DebugDevice | null,
  onProgress: OnProgress = () => {},
): AsyncGenerator<Stage, void> {
  const { graph, plan } = compiled
  const lowered = evaluated(graph, feeds)
  yield { name: 'graph as lowered', compared: 'the reference, in f64', comparison: NOTHING, finding: null }
  const chosen = chooseProgram(
    plan,
    usage(() => bindDims(graph, feeds.inputs)),
  )
  const main = programOf(compiled, chosen)
  const programs = plan.once === null ? [main] : [programOf(compiled, plan.once), main]
  const total = programs.reduce((all, program) => all + countWork(program, device !== null), 0)
  let done = 0
  const onWork = (kernels: number): void => onProgress((done += kernels), total)
  onProgress(0, total)
  let running = feeds
  if (plan.once !== null) {
    const once = { compiled: programOf(compiled, plan.once), program: plan.once, feeds: { ...feeds, inputs: {} } }
    const made = outputsOf(once.compiled.source, evaluated(once.compiled.source, once.feeds).values)
    running = { ...feeds, weights: { ...feeds.weights, ...made } }
    if ((yield* stagesOfProgram(once, plan, device, onWork)) === null) return
  }
  if (main.source !== graph) {
    const stage = comparePass('split of load-time constants', lowered, evaluated(main.source, running))
    yield stage
    if (stage.finding !== null) return
  }
  const contents = yield* stagesOfProgram({ compiled: main, program: chosen, feeds: running }, plan, device, onWork)
  if (contents !== null && device !== null) yield await planStage(compiled, contents, device)
}
