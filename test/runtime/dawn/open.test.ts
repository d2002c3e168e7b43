import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listAdapters, openDevice } from '../../../runtime/dawn/index.ts'
import { NoAdapterError } from '../../../runtime/errors.ts'
import { MORE_IN_LONG, shareOf } from '../../support/runs.ts'

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
  expect((failure as Error).message).toMatch(
    /no WebGPU adapter for 'no such adapter'; searched\n {2}adapters of this machine: .*/,
  )
})

test('a device says which adapter it is and why', async () => {
  const device = await openDevice({ choose: 'software' })
  // a machine without lavapipe is told where it was looked for
  expect(device.choice.reason).toMatch(/it is the fastest software adapter here|lavapipe, which is faster, is not in /)
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
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      outfile: program,
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

  test.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'an empty cache is filled once, by several at a time',
    async () => {
      const env = { SMOE_CACHE: join(directory, 'cache') }
      const opened = await Promise.all([open('SwiftShader', env), open('SwiftShader', env), open('SwiftShader', env)])
      for (const line of opened) expect(line).toMatch(/^SwiftShader/)
      const [name, ...others] = await readdir(env.SMOE_CACHE)
      expect(name).toMatch(/^swiftshader-/)
      expect(others).toEqual([])
      expect((await readdir(join(env.SMOE_CACHE, name))).sort()).toEqual([
        'contents.json',
        'libvk_swiftshader.so',
        'libvulkan.so.1',
        'vk_swiftshader_icd.json',
      ])
    },
  )

  /** A cache of its own, as the first start leaves it, and the folder of the driver in it. */
  async function filled(): Promise<{ readonly env: { readonly SMOE_CACHE: string }; readonly driver: string }> {
    const cache = await mkdtemp(join(directory, 'filled-'))
    const env = { SMOE_CACHE: cache }
    expect(await open('SwiftShader', env)).toMatch(/^SwiftShader/)
    return { env, driver: join(cache, (await readdir(cache))[0]) }
  }

  const LIBRARY = 'libvk_swiftshader.so'
  const damages: readonly (readonly [string, (driver: string) => Promise<void>])[] = [
    ['wrong bytes in the middle of a library', (driver) => overwrite(join(driver, LIBRARY), 100_000, 3_000_000)],
    [
      'wrong bytes with the times of the right ones',
      async (driver) => {
        const { atime, mtime } = await stat(join(driver, LIBRARY))
        await overwrite(join(driver, LIBRARY), 100_000, 3_000_000)
        await utimes(join(driver, LIBRARY), atime, mtime)
      },
    ],
    ['a wrong byte of the loader', (driver) => overwrite(join(driver, 'libvulkan.so.1'), 5000, 1)],
    ['a library cut short', (driver) => truncate(join(driver, LIBRARY), 1000)],
    ['a library that is not there', (driver) => rm(join(driver, LIBRARY))],
    [
      'a folder in place of a library',
      async (driver) => {
        await rm(join(driver, LIBRARY))
        await mkdir(join(driver, LIBRARY))
      },
    ],
    ['a list that is not one', (driver) => writeFile(join(driver, 'contents.json'), '[1')],
    ['no list', (driver) => rm(join(driver, 'contents.json'))],
    [
      'a file in place of the folder',
      async (driver) => {
        await rm(driver, { recursive: true })
        await writeFile(driver, 'a file')
      },
    ],
  ]

  async function overwrite(path: string, at: number, length: number): Promise<void> {
    const bytes = await readFile(path)
    await writeFile(path, Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, 0xcc), bytes.subarray(at + length)]))
  }

  test.runIf(process.platform === 'linux' && process.arch === 'x64').each(shareOf(damages, 8))(
    'unpacked anew, by several at a time: %s',
    { ...MORE_IN_LONG, timeout: 120_000 },
    async (_, damage) => {
      const { env, driver } = await filled()
      const sound = await readFile(join(driver, LIBRARY))
      await damage(driver)
      for (const line of await Promise.all([open('SwiftShader', env), open('SwiftShader', env)]))
        expect(line).toMatch(/^SwiftShader/)
      expect((await readFile(join(driver, LIBRARY))).equals(sound)).toBe(true)
      expect(await readdir(env.SMOE_CACHE)).toHaveLength(1)
    },
  )

  test.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'what a killed unpacking left goes when the next one unpacks, a sound copy is checked again',
    async () => {
      const { env, driver } = await filled()
      const [old, young] = [`${driver}.abcdef`, `${driver}.ghijkl`]
      for (const left of [old, young]) await mkdir(left)
      await utimes(old, 0, 0)
      // the same bytes in other files
      await rename(driver, join(directory, 'copied'))
      await cp(join(directory, 'copied'), driver, { recursive: true })
      expect(await open('SwiftShader', env)).toMatch(/^SwiftShader/)
      expect((await readdir(env.SMOE_CACHE)).sort()).toEqual([driver, old, young].map((path) => basename(path)).sort())
      await rm(join(driver, 'contents.json'))
      expect(await open('SwiftShader', env)).toMatch(/^SwiftShader/)
      expect((await readdir(env.SMOE_CACHE)).sort()).toEqual([driver, young].map((path) => basename(path)).sort())
    },
    120_000,
  )

  test.runIf(process.platform === 'linux')('a cache that cannot be written gives way to the temporary directory', async () => {
    const line = await open('SwiftShader', { SMOE_CACHE: '/proc/smoe', TMPDIR: directory })
    expect(line).toMatch(/^SwiftShader/)
  })

  test.runIf(process.platform === 'linux')(
    'drivers named in the environment come first, the others where these do not serve',
    async () => {
      const cache = join(directory, 'cache')
      const [swift] = await readdir(cache)
      const env = { SMOE_CACHE: cache, VK_ICD_FILENAMES: join(cache, swift, 'vk_swiftshader_icd.json') }
      expect(await open('auto', env)).toMatch(/^SwiftShader/)
      const broken = { SMOE_CACHE: cache, VK_DRIVER_FILES: '/no/such.json' }
      expect(await open('auto', broken)).not.toMatch(/^no-adapter/)
      expect(await open('gpu of another world', env)).toMatch(/^no-adapter: /)
    },
  )
})
