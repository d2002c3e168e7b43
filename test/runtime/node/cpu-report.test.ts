import { expect, test } from 'vitest'
import { describeCpu } from '../../../runtime/node/cpu-report.ts'
import { openDevice } from '../../../runtime/node/index.ts'

test('the report is that of the device that is opened without options', async () => {
  const report = describeCpu()
  const device = await openDevice({ choose: 'cpu' })
  expect(report).toMatchObject({ name: device.choice.name, driver: device.choice.driver, simd: true, sharedMemory: true })
  expect(report.addressSpace).toBe(2 ** 32)
  expect(report.freeMemory).toBeGreaterThan(0)
  device.dispose()
})
