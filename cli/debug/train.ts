/**
 * One step of training, debugged: every graph that its machine is asked for goes through all stages before it runs on the
 * reference.
 */
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf, stateIn } from '../../compiler/graph/walk.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { TrainingGraphs } from '../../compiler/train.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE } from '../../plan/target.ts'
import { updateInputs } from '../../plan/update.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { openDispatches } from '../../runtime/single-dispatch.ts'
import { createStore } from '../../runtime/store.ts'
import type { HostArray, HostData } from '../../runtime/tensors.ts'
import type { BatchInputs, Machine } from '../../training/machine.ts'
import { compileProgress } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { compileTrainingGraph } from '../training/compiled.ts'
import { createReferenceMachine } from '../training/reference-machine.ts'
import { feedsOf } from './feeds.ts'
import { withProgress } from './progress.ts'
import type { Stage } from './stage.ts'
import { stagesOf, type DebugDevice } from './stages.ts'

/** Ends a step at the first stage that differs. */
export class DifferenceFound extends Error {
  override readonly name = 'DifferenceFound'
}

export interface DebugMachine {
  readonly machine: Machine
  /** The stages so far. */
  readonly stages: readonly Stage[]
}

type Tensors = Readonly<Record<string, HostTensor>>

const asData = ({ shape, values }: HostTensor): HostData => ({ shape, data: Float32Array.from(values) })

/** The whole plan on a store of its own: what it gives back, and what it leaves in weights. */
async function runPlan(
  device: Device,
  plan: Plan,
  inputs: BatchInputs,
  weights: Tensors,
): Promise<Readonly<Record<string, HostData>>> {
  const store = createStore(device)
  try {
    const session = await createSession(device, plan, { store })
    try {
      const known = plan.weights.filter(({ name }) => name in weights)
      await store.write(Object.fromEntries(known.map(({ name }) => [name, asData(weights[name])])))
      const wanted = plan.inputs.map(({ name }) => [name, inputs[name]] as const)
      const outputs = await session.run(Object.fromEntries(wanted))
      const replaced = plan.outputs.flatMap(({ name, replaces }) => (replaces === undefined ? [] : [[name, replaces] as const]))
      const left = await store.read(replaced.map(([, weight]) => weight))
      return { ...outputs, ...Object.fromEntries(replaced.map(([name, weight]) => [name, left[weight]])) }
    } finally {
      session.dispose()
    }
  } finally {
    store.dispose()
  }
}

async function openDevice(
  device: Device,
  plan: Plan,
  inputs: BatchInputs,
  weights: Tensors,
  terminal: Terminal,
): Promise<DebugDevice> {
  return {
    name: device.choice.name,
    runner: await openDispatches(device, plan, compileProgress(terminal)),
    // the host writes no f16 weights to a store
    runPlan: plan.weights.some(({ dtype }) => dtype === 'f16') ? null : () => runPlan(device, plan, inputs, weights),
  }
}

/** Null for no device: kernels run on the host only. */
export function createDebugMachine(graphs: TrainingGraphs, device: Device | null, terminal: Terminal): DebugMachine {
  const base = createReferenceMachine(graphs)
  const target = device?.target ?? PORTABLE
  const stages: Stage[] = []
  let isFirst = true

  const weightsOf = async (graph: Graph): Promise<Tensors> => {
    const names = [...stateIn(nodesOf(graph)).keys()]
    const state = await base.read(names)
    return Object.fromEntries(
      Object.entries(state).map(([name, { shape, data }]) => [
        name,
        hostTensor(shape, 'f32', Float64Array.from(data as HostArray)),
      ]),
    )
  }

  const examine = async (name: string, graph: Graph, inputs: BatchInputs): Promise<void> => {
    const compiled = compileTrainingGraph(name, graph, graphs, target)
    const weights = await weightsOf(graph)
    const opened = device === null ? null : await openDevice(device, compiled.plan, inputs, weights, terminal)
    try {
      const feeds = feedsOf(graph, inputs, weights)
      for await (const stage of withProgress(name, terminal, (show) => stagesOf(compiled, feeds, opened, show))) {
        stages.push({ ...stage, name: `${name}: ${stage.name}` })
        if (stage.finding !== null) throw new DifferenceFound(stage.name)
      }
    } finally {
      opened?.runner.dispose()
    }
  }

  return {
    stages,
    machine: {
      ...base,
      step: async (chosen, inputs) => {
        await examine('step', graphs.step(chosen, isFirst), inputs)
        isFirst = false
        return base.step(chosen, inputs)
      },
      update: async (moment) => {
        const scalars = Object.entries(updateInputs(graphs.recipe, moment.learningRate, moment.update, moment.lossScale)).map(
          ([name, value]): [string, HostData] => [name, { shape: [], data: Float32Array.of(value) }],
        )
        await examine('update', graphs.update(), Object.fromEntries(scalars))
        isFirst = true
        return base.update(moment)
      },
    },
  }
}
