import { afterEach, expect, test, vi } from 'vitest'
import { openCpuDevice } from '../../../runtime/browser/threads.ts'
import { hasWasm } from '../../../runtime/cpu/probe.ts'
import { DeviceLostError, LimitError } from '../../../runtime/errors.ts'
import { stubPage } from '../../support/page.ts'

afterEach(() => vi.unstubAllGlobals())

/** A Worker whose program the page refuses: browsers say no more than that. */
class RefusedWorker extends EventTarget {
  constructor() {
    super()
    setTimeout(() => this.dispatchEvent(new Event('error', { cancelable: true })))
  }
  postMessage(): void {}
  terminate(): void {}
}

test('where memory may not be shared, one thread computes', () => {
  stubPage({})
  const { choice } = openCpuDevice({ threads: 4 })
  expect(choice.name).toBe('cpu, 1 thread')
  expect(choice.reason).toBe('it was asked for; one thread: the page is not cross-origin isolated (COOP and COEP headers)')
})

test('a Content-Security-Policy that refuses Workers is the loss of the device', async () => {
  stubPage({ isIsolated: true })
  vi.stubGlobal('Worker', RefusedWorker)
  const device = openCpuDevice()
  expect(device.choice).toMatchObject({ name: 'cpu, 3 threads', reason: 'it was asked for' })
  const failure = await device.wait(new Promise(() => {})).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(DeviceLostError)
  expect((failure as Error).message).toContain('worker-src blob:')
})

test('a Worker that is refused at once is refused with the reason', () => {
  stubPage({ isIsolated: true })
  vi.stubGlobal('Worker', function () {
    throw new Error('denied by the policy')
  })
  expect(() => openCpuDevice()).toThrow(/lost .*a thread of 3 did not start: denied by the policy/)
})

test('relaxed multiply-add is taken where it is asked for and the browser has it', () => {
  stubPage({})
  const { choice, features } = openCpuDevice({ fast: true })
  const has = hasWasm('relaxedSimd')
  expect(features.has('relaxed-simd')).toBe(has)
  expect(choice.reason).toMatch(
    has
      ? /^it was asked for; relaxed multiply-add, vectors of 128 bits: this platform has no revectorizer; one/
      : /; strict: this platform has no relaxed/,
  )
})

test('too many threads are refused', () => {
  stubPage({ isIsolated: true })
  expect(() => openCpuDevice({ threads: 257 })).toThrow(LimitError)
})
