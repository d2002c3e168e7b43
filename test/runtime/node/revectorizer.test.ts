/** The revectorizer: its test, and what is said where it is absent or wrong. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createModule } from '../../../compiler/wasm/module.ts'

const flags = vi.hoisted((): string[] => [])
vi.mock('node:v8', () => ({ setFlagsFromString: (flag: string) => void flags.push(flag) }))

beforeEach(() => {
  flags.length = 0
  // what was found is kept for a process
  vi.resetModules()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const load = () => import('../../../runtime/node/revectorizer.ts')

function isNode(node: string, arch: string): void {
  vi.spyOn(process, 'versions', 'get').mockReturnValue({ ...process.versions, node })
  vi.spyOn(process, 'arch', 'get').mockReturnValue(arch as typeof process.arch)
}

const KERNEL = { parameters: ['i32'], results: [] } as const

/** The module of the test, with an instruction between product and sum. */
function pairOfSums(between: 'nothing' | 'negation'): Uint8Array<ArrayBuffer> {
  const module = createModule({ minimum: 1, maximum: 1, shared: false })
  module.add(
    KERNEL,
    (body) => {
      const end = 0
      const at = body.local('i32')
      const sums = [body.local('v128'), body.local('v128')]
      body.loop(() => {
        sums.forEach((sum, vector) => {
          body.get(sum)
          for (const operand of [32, 4096]) {
            body.get(at)
            body.load('v128.load', operand + 16 * vector)
          }
          body.op('f32x4.mul')
          if (between === 'negation') body.op('f32x4.neg')
          body.op('f32x4.add')
          body.set(sum)
        })
        body.get(at)
        body.i32(32)
        body.op('i32.add')
        body.tee(at)
        body.get(end)
        body.op('i32.lt_u')
        body.branchIf(0)
      })
      sums.forEach((sum, vector) => {
        body.i32(0)
        body.get(sum)
        body.store('v128.store', 16 * vector)
      })
    },
    'kernel',
  )
  return module.take()
}

test('the module is the one that is described', async () => {
  const { PAIR_OF_SUMS } = await load()
  expect(PAIR_OF_SUMS).toBe(Buffer.from(pairOfSums('nothing')).toString('base64'))
})

test('it is switched on where its loop is exact, once, and what is compiled later is tiered as before', async () => {
  isNode('24.1.0', 'x64')
  const { enableRevectorizer } = await load()
  expect([enableRevectorizer(), enableRevectorizer()]).toEqual(['yes', 'yes'])
  expect(flags).toEqual(['--experimental-wasm-revectorize', '--no-liftoff', '--liftoff'])
})

test('it is switched off where its loop is wrong', async () => {
  isNode('24.1.0', 'x64')
  const { Module } = WebAssembly
  const wrong = pairOfSums('negation')
  vi.stubGlobal('WebAssembly', {
    ...namespace(),
    Module: function () {
      return new Module(wrong)
    },
  })
  const { enableRevectorizer } = await load()
  expect(enableRevectorizer()).toBe('wrong results')
  expect(flags.at(-1)).toBe('--no-experimental-wasm-revectorize')
})

/** Its properties are not enumerable. */
const namespace = (): typeof WebAssembly =>
  Object.fromEntries(
    Object.getOwnPropertyNames(WebAssembly).map((name) => [name, WebAssembly[name as keyof typeof WebAssembly]]),
  ) as unknown as typeof WebAssembly

test.each([
  ['20.20.2', 'x64'],
  ['22.12.0', 'x64'],
  ['24.1.0', 'arm64'],
  ['26.0.0', 'x64'],
])('Node %s on %s has none, and no flag is set', async (node, arch) => {
  isNode(node, arch)
  const { enableRevectorizer } = await load()
  expect(enableRevectorizer()).toBe('no')
  expect(flags).toEqual([])
})
