import { afterEach, expect, test, vi } from 'vitest'
import { openBrowserAdapter } from '../../../runtime/browser/adapter.ts'
import { createNullAdapter } from '../../../runtime/null/adapter.ts'
import { stubPage } from '../../support/page.ts'

afterEach(() => vi.unstubAllGlobals())

test('an adapter is opened by its kind and by its name', async () => {
  const { adapter } = createNullAdapter()
  stubPage({ gpu: { requestAdapter: async () => adapter } })
  const { choice } = await openBrowserAdapter('gpu')
  expect(choice).toEqual({ name: 'null adapter', driver: 'null adapter', reason: 'the browser prefers it' })
  await expect(openBrowserAdapter('software')).rejects.toThrow('the browser returned null adapter')
  expect((await openBrowserAdapter('NULL')).choice.reason).toBe("it matches 'NULL'")
})

test('auto is any adapter', async () => {
  const { adapter } = createNullAdapter({ info: { description: 'SwiftShader Device' } })
  stubPage({ gpu: { requestAdapter: async () => adapter } })
  await expect(openBrowserAdapter('gpu')).rejects.toThrow('the browser returned SwiftShader Device')
  expect((await openBrowserAdapter('auto')).choice.name).toBe('SwiftShader Device')
})

test('a browser without WebGPU is told so', async () => {
  stubPage({})
  await expect(openBrowserAdapter('gpu')).rejects.toThrow('the browser has no WebGPU, or the page is not secure')
  stubPage({ gpu: { requestAdapter: async () => null } })
  await expect(openBrowserAdapter('auto')).rejects.toThrow('the browser returned no adapter')
})
