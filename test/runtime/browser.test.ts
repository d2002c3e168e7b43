import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, expect, test, vi } from 'vitest'
import { ArgumentError } from '../../plan/arguments.ts'
import { openDevice } from '../../runtime/browser/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { stubPage } from '../support/page.ts'

const root = join(import.meta.dirname, '../..')

afterEach(() => vi.unstubAllGlobals())

test('nothing of Node is in what a browser loads', async () => {
  const entryPoints = ['runtime/index.ts', 'runtime/browser/index.ts'].map((file) => join(root, file))
  const { metafile } = await build({
    entryPoints,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    outdir: 'out',
    external: ['node:*', ...builtinModules],
  })
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  expect(imported).toEqual([])
})

test('auto takes a GPU', async () => {
  const { adapter } = createNullAdapter()
  stubPage({ gpu: { requestAdapter: async () => adapter } })
  expect((await openDevice()).choice).toEqual({ name: 'null adapter', driver: 'null adapter', reason: 'the browser prefers it' })
})

test('auto takes the processor where there is no GPU, and says why', async () => {
  stubPage({ gpu: { requestAdapter: async () => null } })
  const { target, choice } = await openDevice()
  expect(target.runs).toBe('cpu')
  expect(choice.reason).toMatch(/^no GPU: the browser returned no adapter; one thread: /)
  const { adapter } = createNullAdapter({ info: { description: 'SwiftShader Device' } })
  stubPage({ gpu: { requestAdapter: async () => adapter } })
  expect((await openDevice()).choice.reason).toMatch(/^no GPU: the browser returned SwiftShader Device; /)
})

test('others are opened by name, and for the target of a plan', async () => {
  const { adapter } = createNullAdapter({ info: { description: 'SwiftShader Device' } })
  stubPage({ gpu: { requestAdapter: async () => adapter } })
  expect((await openDevice({ choose: 'cpu', threads: 4 })).choice.reason).toMatch(/^it was asked for; one thread: /)
  expect((await openDevice({ runs: 'webgpu' })).choice.name).toBe('SwiftShader Device')
  expect((await openDevice({ runs: 'cpu' })).choice.reason).toMatch(/^it runs plans for cpu; one thread: /)
  await expect(openDevice({ choose: 'gpu', threads: 2 })).rejects.toThrow(ArgumentError)
  await expect(openDevice({ choose: 'gpu' })).rejects.toThrow('the browser returned SwiftShader Device')
})
