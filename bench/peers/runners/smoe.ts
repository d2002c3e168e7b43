/** smoe itself, on a device of this machine. */
import { INPUT } from '../../../cli/bench/layer.ts'
import { forwardPlan } from '../../../cli/bench/plans.ts'
import { processTerminal } from '../../../cli/terminal.ts'
import { VERSION } from '../../../cli/version.ts'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import type { Device } from '../../../runtime/device.ts'
import { NoAdapterError } from '../../../runtime/errors.ts'
import { openDevice, type OpenOptions } from '../../../runtime/node/index.ts'
import { createSession } from '../../../runtime/session.ts'
import { PLAN_NAMES } from '../make-problem.ts'
import type { Problem, Weights } from '../problem.ts'
import { AbsentError, type OpenRunner, type Runner } from './runner.ts'

async function openPresent(options: OpenOptions): Promise<Device> {
  try {
    return await openDevice(options)
  } catch (problem) {
    if (problem instanceof NoAdapterError) throw new AbsentError(`this machine has no ${options.choose}`)
    throw problem
  }
}

function shapesOf({ experts, width, hidden }: Problem['size']): Readonly<Record<keyof Weights, readonly number[]>> {
  const wide = [experts, hidden, width]
  return { router: [experts, width], gate: wide, up: wide, down: [experts, width, hidden] }
}

function checkpointOf({ size, weights }: Problem): ReturnType<typeof memoryCheckpoint> {
  const shapes = shapesOf(size)
  const names = Object.keys(shapes) as (keyof Weights)[]
  return memoryCheckpoint(
    Object.fromEntries(names.map((name) => [PLAN_NAMES[name], { shape: shapes[name], data: weights[name] }])),
  )
}

export const openSmoe =
  (options: OpenOptions): OpenRunner =>
  async (problem): Promise<Runner> => {
    const device = await openPresent(options)
    const session = await createSession(device, forwardPlan(problem.size, device.target, processTerminal()))
    await session.loadWeights(checkpointOf(problem))
    const { width } = problem.size
    return {
      version: VERSION,
      detail: `${device.choice.name} (${device.choice.reason})`,
      run: async (x) => (await session.run({ [INPUT]: { shape: [x.length / width, width], data: x } })).y.data as Float32Array,
      close: async () => {
        session.dispose()
        device.dispose()
      },
    }
  }
