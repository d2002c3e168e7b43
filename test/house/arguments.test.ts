/**
 * Every function that the package exports, with each argument in turn replaced by what it is not: an error of ours says so, at
 * once.
 */
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import * as bindings from '../../compiler/bindings/generate.ts'
import * as compiler from '../../compiler/compile.ts'
import * as generation from '../../generation/index.ts'
import * as compilerTraining from '../../compiler/train.ts'
import { ArgumentError } from '../../plan/arguments.ts'
import * as browser from '../../runtime/browser/index.ts'
import * as files from '../../runtime/checkpoint/files.ts'
import * as dawn from '../../runtime/dawn/index.ts'
import * as node from '../../runtime/node/index.ts'
import * as runtime from '../../runtime/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import * as trainingFiles from '../../training/files/index.ts'
import * as training from '../../training/index.ts'
import { TrainingError } from '../../training/errors.ts'
import { graphsOf, TINY } from '../bindings/tiny.ts'
import { addPlan } from '../runtime/plans.ts'

const throwing = new Proxy(
  {},
  {
    get: () => {
      throw new Error('read')
    },
    has: () => {
      throw new Error('asked')
    },
    ownKeys: () => {
      throw new Error('listed')
    },
    getPrototypeOf: () => {
      throw new Error('looked at')
    },
  },
)

const HOSTILE: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['undefined', undefined],
  ['1', 1],
  ["'x'", 'x'],
  ['{}', {}],
  ['[]', []],
  ['a symbol', Symbol('x')],
  ['a function', () => {}],
  ['a proxy that throws', throwing],
  ['NaN', NaN],
  ['-1', -1],
  ['1.5', 1.5],
  ['2 ** 60', 2 ** 60],
  ['1n', 1n],
  ['true', true],
  ['[null]', [null]],
  ['{ a: null }', { a: null }],
]

const isOurs = (error: unknown): boolean =>
  error instanceof ArgumentError ||
  error instanceof runtime.RuntimeError ||
  error instanceof TrainingError ||
  error instanceof compilerTraining.TrainingLimitError

/** What the engine says of a value that nobody has looked at. */
const RAW =
  /Cannot (read|destructure|convert|set|mix)|is not (a function|iterable|defined|a constructor)|is not an Object|undefined is not|Invalid array length|Reduce of empty|internal/i

async function outcome(call: () => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it hangs')), 5000)
  })
  // a call that throws at once leaves nobody to wait for it
  late.catch(() => {})
  try {
    const value = (await Promise.race([Promise.resolve(call()), late])) as { next?: () => Promise<unknown> } | null | undefined
    if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) await Promise.race([value.next!(), late])
    return null
  } catch (error) {
    return error
  } finally {
    clearTimeout(timer)
  }
}

const device = await runtime.openDevice(createNullAdapter().adapter)
const plan = addPlan()
const graphs = graphsOf(TINY)
const { recipe } = graphs

/** For each parameter a value that is right, by its name; others are left to be wrong alone. */
const RIGHT: Readonly<Record<string, unknown>> = {
  device,
  plan,
  recipe,
  adapter: createNullAdapter().adapter,
  name: 'name',
  text: 'text',
  path: '/nowhere',
  directory: '/nowhere',
  source: { path: 'a.smoe', text: '' },
}

const PARAMETERS = 5
const MODULES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  runtime,
  browser,
  dawn,
  node,
  files,
  generation,
  training,
  'training/files': trainingFiles,
  compiler,
  'compiler/training': compilerTraining,
  bindings,
}

const isClass = (value: unknown): boolean =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
/** They write beside what they are given, which a test must not. */
const WRITES = new Set(['prepareCheckpoints', 'createRecorder', 'trainInto', 'saveCheckpoint'])

test('the modules are those of the package', () => {
  const { exports } = createRequire(import.meta.url)('../../package.json') as { exports: Readonly<Record<string, unknown>> }
  const named = [
    'runtime/browser',
    'runtime/dawn',
    'runtime/node',
    'runtime/files',
    ...Object.keys(MODULES).filter((name) => !['browser', 'dawn', 'node', 'files'].includes(name)),
  ]
  expect(Object.keys(exports).sort()).toEqual([...named, 'std', 'package.json'].map((name) => `./${name}`).sort())
})

describe.each(Object.entries(MODULES))('%s', (_, module) => {
  const functions = Object.entries(module).filter(([, value]) => typeof value === 'function' && !isClass(value)) as [
    string,
    (...args: unknown[]) => unknown,
  ][]

  test.each(functions)(
    '%s',
    async (name, call) => {
      for (const [what, value] of HOSTILE) {
        for (let at = 0; at < PARAMETERS; at++) {
          const args = Array.from({ length: at + 1 }, (__, place) =>
            place === at ? value : RIGHT[['device', 'plan', 'recipe', 'name', 'source'][place]],
          )
          if (WRITES.has(name) && args.some((arg) => arg === 'x' || arg === 'name')) continue
          const error = await outcome(() => call(...args))
          if (error === null) continue
          const told = `${name}, argument ${at} ${what}: ${error instanceof Error ? error.stack : typeof error}`
          expect(error instanceof Error, told).toBe(true)
          if (!isOurs(error)) {
            expect((error as Error).message, told).not.toMatch(RAW)
            expect((error as Error).message, told).not.toMatch(/^(read|asked|listed|looked at|it hangs)$/)
          }
        }
      }
    },
    60_000,
  )
})

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && value !== throwing && !Array.isArray(value) && Object.keys(value).length === 0

describe('what is made', () => {
  const store = runtime.createStore(device)
  const tensors = { w: { shape: [4], data: new Float32Array(4) } }
  const checkpoint = runtime.memoryCheckpoint(tensors)

  test.each(HOSTILE)('%s as inputs, options, checkpoint, names', async (_, value) => {
    const session = await runtime.createSession(device, plan)
    await session.loadWeights(checkpoint)
    const x = { shape: [1, 4], data: new Float32Array(4) }
    const calls: readonly (() => unknown)[] = [
      () => session.run(value as never),
      () => session.run({ x: value } as never),
      () => session.run({ x: { ...x, shape: value } } as never),
      () => session.run({ x: { ...x, data: value } } as never),
      ...(value === 1 ? [] : [() => session.run({ x: { ...x, shape: [value, 4] } } as never)]),
      () => session.profile(value as never),
      () => session.loadWeights(value as never),
      () => runtime.createSession(device, value as never),
      ...(isEmpty(value) ? [] : [() => store.write(value as never)]),
      () => store.write({ a: value } as never),
      () => store.read(['nothing', value] as never),
    ]
    for (const [at, call] of calls.entries()) expect(await outcome(call), `call ${at}`).toSatisfy(isOurs)
    for (const call of [
      () => session.run({ x }, value as never),
      () => session.loadWeights(checkpoint, value as never),
      () => store.read(value as never),
    ]) {
      const error = await outcome(call)
      if (error !== null) expect(error).toSatisfy(isOurs)
    }
    session.dispose()
    expect(await outcome(() => session.run({ x }))).toBeInstanceOf(runtime.StateError)
  })

  test.each([
    [
      'of a detached buffer',
      () => {
        const data = new Float32Array(4)
        structuredClone(data.buffer, { transfer: [data.buffer] })
        return data
      },
    ],
    ['of f64', () => new Float64Array(4)],
    ['as a DataView', () => new DataView(new ArrayBuffer(16))],
    ['too few', () => new Float32Array(3)],
    ['as an array', () => [1, 2, 3, 4]],
  ])('values %s are refused', async (_, make) => {
    const session = await runtime.createSession(device, plan)
    await session.loadWeights(checkpoint)
    await expect(session.run({ x: { shape: [1, 4], data: make() } } as never)).rejects.toBeInstanceOf(runtime.InputError)
    session.dispose()
  })

  test('values in shared memory are copied when the run is asked for', async () => {
    const session = await runtime.createSession(device, plan)
    await session.loadWeights(checkpoint)
    await session.run({ x: { shape: [1, 4], data: new Float32Array(new SharedArrayBuffer(16)) } })
    session.dispose()
  })

  test('options that there are not are refused by name', async () => {
    await expect(dawn.openDevice({ chose: 'gpu' } as never)).rejects.toThrow(
      'openDevice: options.chose is not an option; the options are choose',
    )
    await expect(runtime.openDevice(createNullAdapter().adapter, { power: 1 } as never)).rejects.toThrow(ArgumentError)
    await expect(dawn.openDevice({ choose: ' ' })).rejects.toThrow('a string that is not empty')
  })
})
