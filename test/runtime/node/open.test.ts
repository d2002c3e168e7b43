import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { expect, onTestFinished, test } from 'vitest'
import { ArgumentError } from '../../../plan/arguments.ts'
import { DAWN } from '../../../runtime/dawn/remedies.ts'
import { NoAdapterError } from '../../../runtime/errors.ts'
import { mayHaveGpu } from '../../../runtime/node/gpu-present.ts'
import { openDevice } from '../../../runtime/node/index.ts'
import { withoutGpu } from '../../../runtime/node/open.ts'

const withDevices = (files: readonly string[]): string => {
  const root = mkdtempSync(join(tmpdir(), 'smoe-dev-'))
  mkdirSync(join(root, 'dri'))
  files.forEach((file) => writeFileSync(join(root, file), ''))
  return root
}

test.each([
  [[], false],
  [['dri/card0'], false],
  [['dri/renderD128'], true],
  [['nvidia0'], true],
  [['dxg'], true],
])('files of /dev %j: a GPU %s', (files, has) => {
  expect(mayHaveGpu('linux', withDevices(files))).toBe(has)
  expect(mayHaveGpu('darwin', withDevices(files))).toBe(true)
})

test('without /dev/dri there is no GPU', () => expect(mayHaveGpu('linux', join(tmpdir(), 'nowhere'))).toBe(false))

test('cpu, by name and with a number of threads', async () => {
  const device = await openDevice({ choose: 'cpu', threads: 3 })
  expect(device.choice).toMatchObject({ name: 'cpu, 3 threads', reason: 'it was asked for' })
  expect(device.target.runs).toBe('cpu')
  device.dispose()
})

test('auto says which and why', async () => {
  const device = await openDevice()
  expect(device.choice.reason).not.toBe('')
  device.dispose()
})

test('options of the cpu device are refused with another, and so is a plan that the chosen device does not run', async () => {
  await expect(openDevice({ choose: 'software', threads: 2 })).rejects.toThrow(
    "openDevice: options.threads is for the cpu device, not for 'software'",
  )
  await expect(openDevice({ choose: 'gpu', fast: true })).rejects.toThrow(ArgumentError)
  await expect(openDevice({ choose: 'cpu', runs: 'webgpu' })).rejects.toThrow(
    "options.runs is 'webgpu', which a device chosen by",
  )
  await expect(openDevice({ choose: 'gpu', runs: 'cpu' })).rejects.toThrow(ArgumentError)
  await expect(openDevice({ runs: 'cuda' as never })).rejects.toThrow('one of webgpu, cpu is expected')
  await expect(openDevice({ threads: 0 })).rejects.toThrow(ArgumentError)
  await expect(openDevice({ choose: 'cpu', threads: 1000 })).rejects.toThrow(/threads = 1000/)
})

test('a device for a plan of either target', async () => {
  for (const runs of ['cpu', 'webgpu'] as const) {
    const device = await openDevice({ runs })
    expect(device.target.runs).toBe(runs)
    device.dispose()
  }
}, 60_000)

test('why no GPU was taken: what is missing to look for one, or that there is none', () => {
  const lavapipe = { what: 'lavapipe', found: 'not set up', command: 'npm run setup:lavapipe' }
  expect(withoutGpu(new NoAdapterError('gpu', [lavapipe]))).toBe('no GPU was found')
  const dawn = { what: DAWN, found: 'not installed', command: 'npm ci' }
  expect(withoutGpu(new NoAdapterError('gpu', [dawn, lavapipe]))).toBe(
    'no GPU was looked for: Dawn (the npm package webgpu) is not installed (npm ci)',
  )
})

test.runIf(!mayHaveGpu())('a machine without a GPU loads nothing of WebGPU', () => {
  const program = join(import.meta.dirname, `../../../node_modules/.smoe-open-cpu-${process.pid}.mjs`)
  onTestFinished(() => rmSync(program, { force: true }))
  const contents = `import { openDevice } from './runtime/node/index.ts'
    const device = await openDevice()
    const loaded = process.report.getReport().sharedObjects.filter((path) => /dawn|vulkan/.test(path))
    console.log(JSON.stringify({ ...device.choice, loaded }))
    device.dispose()`
  buildSync({
    stdin: { contents, resolveDir: join(import.meta.dirname, '../../..'), loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    outfile: program,
  })
  const told = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' })) as object
  expect(told).toMatchObject({ reason: 'this machine has no GPU', loaded: [] })
})
