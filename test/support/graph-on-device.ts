/** A graph through passes, kernels and a device, beside its value by the reference. */
import type { Target } from '../../plan/target.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import type { Variant } from '../../compiler/kernel/scope/context.ts'
import { schedule } from '../../compiler/kernel/schedule.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { emitPlan } from '../../compiler/emit/plan.ts'
import { tilesFor } from '../../plan/tiles.ts'
import type { Plan, Program } from '../../plan/plan.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { storedAll } from './devices.ts'

/** A plan of one program; `when` is what its passes may count on, though it runs whatever the sizes are. */
export const planOf = (graph: Graph, target: Target, variant: Variant, block = 16, when: Program['when'] = null): Plan => {
  const optimised = optimise(graph, { variant, block, tile: tilesFor(target).expertRows, when })
  return emitPlan(
    graph,
    [
      {
        kind: 'run',
        name: variant,
        variant,
        when: null,
        graph: optimised.graph,
        schedule: schedule(optimised.graph, target, variant),
      },
    ],
    target,
  )
}

export async function runPlan(
  device: Device,
  plan: Plan,
  feeds: Feeds,
): Promise<Readonly<Record<string, { shape: readonly number[]; data: ArrayLike<number> }>>> {
  const session = await createSession(device, plan)
  try {
    if (plan.weights.length > 0) await session.loadWeights(memoryCheckpoint(storedAll(feeds.weights)))
    return await session.run(storedAll(feeds.inputs))
  } finally {
    session.dispose()
  }
}

export const runGraph = (device: Device, graph: Graph, feeds: Feeds, variant: Variant = 'prefill'): ReturnType<typeof runPlan> =>
  runPlan(device, planOf(graph, device.target, variant), feeds)
