/** A graph on a device beside its value by the reference. */
import { expect } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { relativeError } from './compare.ts'
import { storedAll } from './devices.ts'
import { planOf } from './graph.ts'
import type { feedsOf } from './random.ts'

export interface Beside {
  readonly outputs: Readonly<Record<string, HostData>>
  readonly expected: Readonly<Record<string, HostTensor>>
}

/** One session for the graph, and in it a run for each of the feeds. */
export async function besideOracle(
  device: Device,
  graph: Graph,
  ...feeds: readonly ReturnType<typeof feedsOf>[]
): Promise<readonly Beside[]> {
  const session = await createSession(device, planOf(graph, device.target))
  try {
    const runs: Beside[] = []
    for (const { inputs, checkpoint, weights } of feeds) {
      await session.loadWeights(memoryCheckpoint(storedAll(checkpoint)))
      runs.push({ outputs: await session.run(storedAll(inputs)), expected: evaluate(graph, { inputs, weights }) })
    }
    return runs
  } finally {
    session.dispose()
  }
}

/** The same experts, and weights and answers as near as f32 is. */
export function expectSameRoutes({ outputs, expected }: Beside, ...answers: readonly string[]): void {
  expect([...outputs['moe.selected'].data]).toEqual([...expected['moe.selected'].values])
  for (const name of ['moe.weights', ...answers])
    expect(relativeError(outputs[name].data, expected[name].values)).toBeLessThan(1e-5)
}
