/** A routed layer on a device, under the program that its number of tokens asks for or under one of them alone. */
import type { Graph } from '../../../compiler/graph/node.ts'
import type { Plan } from '../../../plan/plan.ts'
import type { Target } from '../../../plan/target.ts'
import { tilesFor } from '../../../plan/tiles.ts'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession } from '../../../runtime/session.ts'
import { storedAll } from '../devices.ts'
import { planOf } from '../graph.ts'
import { planOf as planUnder } from '../graph-on-device.ts'
import { inputOf, layerGraph, type Given } from './check.ts'
import type { Layer, Weights } from './layer.ts'

/** `both`: few tokens and many, as the compiler tells them apart. `tall`: many, in tiles as a GPU is given. */
export type Way = 'both' | 'decode' | 'prefill' | 'tall'

function planFor(graph: Graph, way: Way, target: Target): Plan {
  if (way === 'both') return planOf(graph, target)
  if (way !== 'tall') return planUnder(graph, target, way, tilesFor(target).gate.rows)
  return planUnder(graph, { ...target, kind: 'gpu', subgroupSize: null }, 'prefill', tilesFor(target).gate.rows)
}

export interface LayerOnDevice {
  readonly plan: Plan
  readonly run: (tokens: readonly (readonly number[])[]) => Promise<Given>
  readonly dispose: () => void
}

/** With `routes` its decisions are among what a run gives, and otherwise they stay on the device. */
export async function openLayer(
  device: Device,
  layer: Layer,
  weights: Weights,
  { way = 'both', routes = true }: { readonly way?: Way; readonly routes?: boolean },
): Promise<LayerOnDevice> {
  const plan = planFor(layerGraph(layer, routes), way, device.target)
  const session = await createSession(device, plan)
  await session.loadWeights(memoryCheckpoint(storedAll(weights.tensors)))
  return {
    plan,
    run: async (tokens) => {
      const { y, ...rest } = await session.run(storedAll({ x: inputOf(tokens, layer) }))
      return { y: y.data, ids: rest['moe.selected']?.data, weights: rest['moe.weights']?.data }
    },
    dispose: session.dispose,
  }
}
