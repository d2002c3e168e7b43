import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, expect, test, vi } from 'vitest'
import { openDevice } from '../../runtime/browser/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'

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

test("the browser's adapter is opened", async () => {
  const { adapter } = createNullAdapter()
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } })
  expect((await openDevice()).choice).toEqual({ name: 'null adapter', driver: 'null adapter', reason: 'the browser prefers it' })
  await expect(openDevice({ choose: 'software' })).rejects.toThrow('the browser returned null adapter')
  expect((await openDevice({ choose: 'NULL' })).target.kind).toBe('gpu')
})

test('a browser without WebGPU is told so', async () => {
  vi.stubGlobal('navigator', {})
  await expect(openDevice()).rejects.toThrow('the browser has no WebGPU, or the page is not secure')
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } })
  await expect(openDevice()).rejects.toThrow('the browser returned no adapter')
})
