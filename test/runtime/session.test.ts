import { afterAll, describe, expect, test } from 'vitest'
import { openDevices } from '../../runtime/dawn/index.ts'
import { createSession, memoryCheckpoint } from '../../runtime/index.ts'
import { addPlan } from './plans.ts'

const devices = await openDevices()
afterAll(() => devices.forEach((device) => device.dispose()))

const rows = (count: number): Float32Array => Float32Array.from({ length: count * 4 }, (_, at) => at)
const checkpoint = memoryCheckpoint({ w: { shape: [4], data: Float32Array.of(10, 20, 30, 40) } })

describe.each(devices.map((device) => [device.choice.name, device] as const))('on %s', (_, device) => {
  test('a plan runs with dims bound by its inputs', async () => {
    const session = await createSession(device, addPlan())
    await session.loadWeights(checkpoint)
    for (const count of [1, 3, 100, 3]) {
      const { y } = await session.run({ x: { shape: [count, 4], data: rows(count) } })
      expect(y.shape).toEqual([count, 4])
      expect(y.data).toEqual(rows(count).map((value, at) => value + 10 * (at % 4 + 1)))
    }
    session.dispose()
  })
})
