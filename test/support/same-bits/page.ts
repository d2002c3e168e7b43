/** Of a page: what the test calls in it. */
import { openDevice } from '../../../runtime/browser/index.ts'
import { perform, type Bytes, type Work } from './work.ts'

export interface PageResult {
  readonly bytes: Bytes
  readonly name: string
  readonly reason: string
}

/** `text` is work as JSON. */
async function performInPage(text: string, threads: number): Promise<PageResult> {
  const work = JSON.parse(text) as Readonly<Record<string, Work>>
  const device = await openDevice({ choose: 'cpu', threads })
  const bytes = await perform(device, work)
  device.dispose()
  return { bytes, name: device.choice.name, reason: device.choice.reason }
}

export type PerformInPage = typeof performInPage
Object.assign(globalThis, { performInPage })
