/** Gradients of batches of few tokens: what a run leaves is the same whatever runs, and whatever the host wrote, before it. */
import { expect, test } from 'vitest'
import { trainingPlan } from '../../../cli/bench/plans.ts'
import { randomCheckpoint, randomTensor } from '../../../cli/bench/random.ts'
import { createRandom } from '../../../cli/random.ts'
import { CPU } from '../../../plan/target.ts'
import type { Plan, WasmKernel } from '../../../plan/plan.ts'
import type { Device } from '../../../runtime/device.ts'
import { openCpuDevice } from '../../../runtime/node/threads.ts'
import { createSession } from '../../../runtime/session.ts'
import { createStore } from '../../../runtime/store.ts'

const SIZE = { experts: 6, k: 2, width: 32, hidden: 48 }
const GRADIENT = 'gradient.moe.experts.up'
const terminal = { out: () => {}, err: () => {} } as unknown as Parameters<typeof trainingPlan>[3]

async function openTraining(device: Device, plan: Plan) {
  const store = createStore(device)
  const session = await createSession(device, plan, { store })
  await session.loadWeights(randomCheckpoint(plan, 1))
  const gradients = async (seed: number): Promise<Readonly<Record<string, unknown>>> => {
    const random = createRandom(seed)
    const [x, dy] = [1, 1].map(() => randomTensor([2, SIZE.width], random, 1))
    await session.run({ x, dy })
    return store.read(store.names().filter((name) => name.startsWith('gradient.')))
  }
  return { store, gradients }
}

test('after other tokens, and after the host wrote the gradient', async () => {
  const device = openCpuDevice({ threads: 2 })
  try {
    const plan = trainingPlan(SIZE, 2, CPU, terminal)
    expect(plan.kernels.some((kernel) => (kernel as WasmKernel).zeroFlagged !== undefined)).toBe(true)
    const { store, gradients } = await openTraining(device, plan)
    const fresh = async (seed: number) => {
      const one = await openTraining(device, plan)
      const all = await one.gradients(seed)
      one.store.dispose()
      return all
    }
    const [first, second] = [await fresh(1), await fresh(2)]
    expect(first).not.toEqual(second)
    for (const seed of [1, 2, 2, 1]) expect(await gradients(seed)).toEqual(seed === 1 ? first : second)
    const { shape, data } = (first as Awaited<ReturnType<typeof store.read>>)[GRADIENT]
    await store.write({ [GRADIENT]: { shape, data: new Float32Array(data.length).fill(3) } })
    expect(await gradients(1)).toEqual(first)
  } finally {
    device.dispose()
  }
})
