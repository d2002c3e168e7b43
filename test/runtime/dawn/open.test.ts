import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listAdapters, openDevice } from '../../../runtime/dawn/index.ts'
import { NoAdapterError } from '../../../runtime/errors.ts'

test('every adapter is listed with what it can do, and every way to one with what was found', async () => {
  const { adapters, attempts } = await listAdapters()
  expect(adapters.length).toBeGreaterThan(0)
  for (const { target, features, limits, software } of adapters) {
    expect(target.kind).toBe(software ? 'cpu' : 'gpu')
    expect(features).toContain('timestamp-query')
    expect(limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27)
  }
  expect(attempts.some(({ what }) => what.startsWith('SwiftShader'))).toBe(true)
})

test('an adapter that is not there is refused with what is, and where it was looked for', async () => {
  const failure = await openDevice({ choose: 'no such adapter' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(NoAdapterError)
  expect((failure as Error).message).toMatch(/no WebGPU adapter for 'no such adapter'; looked for\n {2}adapters of this machine: .*/)
})

test('a device says which adapter it is and why', async () => {
  const device = await openDevice({ choose: 'software' })
  expect(device.choice.reason).toContain('software adapter')
  expect(device.target.name).toBe(device.choice.name)
  device.dispose()
})

describe('in a process of its own', () => {
  const run = promisify(execFile)
  let directory = ''
  let program = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'smoe-test-'))
    // inside the project, where its packages are found
    program = join(import.meta.dirname, `../../../node_modules/.smoe-open-${process.pid}.mjs`)
    const contents = `import { openDevice } from './runtime/dawn/index.ts'
      openDevice({ choose: process.argv[2] }).then(
        ({ choice }) => console.log(choice.name + '; ' + choice.reason),
        (error) => console.log(error.kind + ': ' + error.message),
      )`
    buildSync({
      stdin: { contents, resolveDir: join(import.meta.dirname, '../../..'), loader: 'ts' },
      bundle: true, format: 'esm', platform: 'node', packages: 'external', outfile: program,
    })
  })
  afterAll(async () => {
    await rm(directory, { recursive: true })
    await rm(program)
  })

  const open = async (choose: string, env: Record<string, string> = {}): Promise<string> => {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VK_')))
    return (await run(process.execPath, [program, choose], { env: { ...clean, ...env } })).stdout.trim()
  }

  test.runIf(process.platform === 'linux' && process.arch === 'x64')('an empty cache is filled once, by several at a time', async () => {
    const env = { SMOE_CACHE: join(directory, 'cache') }
    const opened = await Promise.all([open('SwiftShader', env), open('SwiftShader', env), open('SwiftShader', env)])
    for (const line of opened) expect(line).toMatch(/^SwiftShader/)
    const [name, ...others] = await readdir(env.SMOE_CACHE)
    expect(name).toMatch(/^swiftshader-/)
    expect(others).toEqual([])
    expect((await readdir(join(env.SMOE_CACHE, name))).sort()).toEqual(
      ['contents.json', 'libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'])
  })

  test.runIf(process.platform === 'linux')('a cache that cannot be written gives way to the temporary directory', async () => {
    const line = await open('SwiftShader', { SMOE_CACHE: '/proc/smoe', TMPDIR: directory })
    expect(line).toMatch(/^SwiftShader/)
  })

  test.runIf(process.platform === 'linux')('drivers named in the environment come first, the others where these do not serve', async () => {
    const cache = join(directory, 'cache')
    const [swift] = await readdir(cache)
    const env = { SMOE_CACHE: cache, VK_ICD_FILENAMES: join(cache, swift, 'vk_swiftshader_icd.json') }
    expect(await open('auto', env)).toMatch(/^SwiftShader/)
    const broken = { SMOE_CACHE: cache, VK_DRIVER_FILES: '/no/such.json' }
    expect(await open('auto', broken)).not.toMatch(/^no-adapter/)
    expect(await open('gpu of another world', env)).toMatch(/^no-adapter: /)
  })
})
