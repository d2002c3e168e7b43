/** The pool: threads that end, that never start, that fail; processes that end; kernels that are removed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { KERNEL } from '../../../compiler/wasm/kernel.ts'
import { createModule } from '../../../compiler/wasm/module.ts'
import { createMemory } from '../../../runtime/cpu/memory.ts'
import { CONTROL, createPool, type PoolWorker } from '../../../runtime/cpu/pool.ts'
import type { KernelMessage } from '../../../runtime/cpu/thread.ts'
import { DeviceError, DeviceLostError } from '../../../runtime/errors.ts'
import { poolWorker, startWorker, takeTurn } from '../../../runtime/node/threads.ts'
import { root } from '../../support/sources.ts'

/** What waits is never answered where the pool hangs. */
const within = <T>(promise: Promise<T>, milliseconds = 5000): Promise<T> =>
  Promise.race([
    promise,
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error('nothing came')), milliseconds).unref()),
  ])

/** The bytes of a module whose kernel traps, or loops until it is stopped. */
function bytesThat(does: 'trap' | 'loop' | 'nothing'): Uint8Array<ArrayBuffer> {
  const module = createModule({ minimum: 1, maximum: 65536, shared: true })
  module.add(
    KERNEL,
    (body) => {
      if (does === 'trap') body.op('unreachable')
      if (does === 'loop') body.loop(() => body.branch(0))
    },
    'kernel',
  )
  return new Uint8Array(module.take())
}
/** A module whose workgroups take some 50 us, and some ten milliseconds where a thread's own memory is not at 0. */
function slowInOthers(): Uint8Array<ArrayBuffer> {
  const module = createModule({ minimum: 1, maximum: 65536, shared: true })
  module.add(
    KERNEL,
    (body) => {
      const own = 1
      const [count, most] = [body.local('i32'), body.local('i32')]
      body.i32(30_000_000)
      body.i32(100_000)
      body.get(own)
      body.op('select')
      body.set(most)
      body.loop(() => {
        body.get(count)
        body.i32(1)
        body.op('i32.add')
        body.tee(count)
        body.get(most)
        body.op('i32.lt_u')
        body.branchIf(0)
      })
    },
    'kernel',
  )
  return new Uint8Array(module.take())
}
const moduleThat = (does: 'trap' | 'loop' | 'nothing'): Promise<WebAssembly.Module> => WebAssembly.compile(bytesThat(does))

/** The address of a program of dispatches, each of one kernel with this many workgroups. */
function program(memory: ReturnType<typeof createMemory>, kernels: readonly number[], workgroups: number): number {
  const address = memory.allocate('a program', 16 + 12 * kernels.length)
  const words = new Uint32Array(memory.bytes().buffer, address, 4 + 3 * kernels.length)
  words.set([kernels.length, 0, 0, 0, ...kernels.flatMap((kernel) => [kernel, 0, workgroups])])
  return address
}

const pools: { readonly dispose: () => void }[] = []
afterEach(() => {
  pools.splice(0).forEach((pool) => pool.dispose())
  vi.unstubAllGlobals()
})

/** A pool of Node's threads, and its workers. */
function open(threads: number, change: (program: string) => string = (program) => program) {
  const memory = createMemory()
  const workers: Worker[] = []
  const spawnWorker = (program: string) => {
    const worker = startWorker(change(program))
    workers.push(worker)
    return poolWorker(worker)
  }
  const pool = createPool(memory, { threads, spawn: spawnWorker, takeTurn })
  pools.push(pool)
  return { memory, pool, workers }
}

const label = (dispatch: number): string => `number ${dispatch}`

/** Atomics without `waitAsync`, as some browsers have it. */
function withoutWaitAsync(): void {
  const names = Object.getOwnPropertyNames(Atomics).filter((name) => name !== 'waitAsync')
  vi.stubGlobal('Atomics', Object.fromEntries(names.map((name) => [name, Atomics[name as keyof Atomics]])))
}

describe.each(['waitAsync', 'messages'])('told by %s', (how) => {
  const prepare = (): void => {
    if (how === 'messages') withoutWaitAsync()
  }

  test('2,000 executions, growing memory between them', async () => {
    prepare()
    const { memory, pool } = open(3)
    const kernel = pool.add(await moduleThat('nothing'))
    for (let at = 0; at < 2000; at++) {
      if (at % 100 === 0) memory.allocate('more', 3_000_000)
      const address = program(memory, [kernel, kernel], at % 5)
      await within(pool.run(address, label))
      memory.free(address)
    }
  })

  test('kernels are removed and added between executions', async () => {
    prepare()
    const { memory, pool } = open(2)
    const module = await moduleThat('nothing')
    let kernel = pool.add(module)
    for (let at = 0; at < 100; at++) {
      await within(pool.run(program(memory, [kernel], 2), label))
      const old = kernel
      pool.remove(old)
      kernel = pool.add(module)
      if (at % 10 === 0) await expect(within(pool.run(program(memory, [old], 2), label))).rejects.toThrow('dispatch number 0')
    }
  })

  test('each failure is told once, with its own dispatch', async () => {
    prepare()
    const { memory, pool } = open(3)
    const [fine, trap] = [pool.add(await moduleThat('nothing')), pool.add(await moduleThat('trap'))]
    for (let at = 0; at < 50; at++) {
      const failure = await within(pool.run(program(memory, [fine, trap, trap], 9), label)).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(DeviceError)
      expect((failure as Error).message).toMatch(/^dispatch number 1: unreachable/)
      await within(pool.run(program(memory, [fine], 9), label))
    }
  })

  test.each([0, 1])('thread %i dies while kernels run', async (which) => {
    prepare()
    const { memory, pool, workers } = open(2)
    const loop = pool.add(await moduleThat('loop'))
    const run = pool.run(program(memory, [loop], 2), label)
    setTimeout(() => void workers[which].terminate(), 50)
    await expect(within(run)).rejects.toThrow(`thread ${which} of 2 ended: exit code`)
    await expect(pool.run(0, label)).rejects.toBeInstanceOf(DeviceLostError)
  })

  test.each([0, 1])('thread %i dies while none runs', async (which) => {
    prepare()
    const { memory, pool, workers } = open(2)
    const kernel = pool.add(await moduleThat('nothing'))
    const address = program(memory, [kernel], 2)
    await within(pool.run(address, label))
    await workers[which].terminate()
    await expect(within(pool.run(address, label))).rejects.toThrow(`thread ${which} of 2 ended`)
    expect(pool.lost()).toBeInstanceOf(DeviceLostError)
  })

  test('a thread whose program throws at its start is the loss of the pool', async () => {
    prepare()
    const { memory, pool } = open(2, (text) => `throw new Error('it does not start'); ${text}`)
    const kernel = pool.add(await moduleThat('nothing'))
    await expect(within(pool.run(program(memory, [kernel], 2), label))).rejects.toThrow(/of 2 ended: it does not start/)
  })
})

describe('the caller computes a part', () => {
  test('of short programs, between others, with kernels that come and go', async () => {
    const { memory, pool } = open(2)
    const module = await moduleThat('nothing')
    let kernel = pool.add(module)
    for (let at = 0; at < 300; at++) {
      await within(pool.run(program(memory, [kernel, kernel], 5), label, at % 7 === 0 ? 'threads' : 'caller'))
      if (at % 5 !== 0) continue
      pool.remove(kernel)
      kernel = pool.add(module)
    }
  })

  test('and its failures are told as those of others', async () => {
    const { memory, pool } = open(2)
    const trap = pool.add(await moduleThat('trap'))
    for (let at = 0; at < 20; at++)
      await expect(within(pool.run(program(memory, [trap], 1), label, 'caller'))).rejects.toThrow(
        /^dispatch number 0: unreachable/,
      )
  })

  test('where another thread keeps it waiting, the first thread goes on', async () => {
    const { memory, pool } = open(2)
    const [quick, slow] = [pool.add(await moduleThat('nothing')), pool.add(await WebAssembly.compile(slowInOthers()))]
    const address = program(memory, [slow, quick, slow], 64)
    const words = new Int32Array(memory.bytes().buffer)
    // bytes between the own memory of threads
    words[address / 4 + 2] = 64
    const asked = (): number => words[CONTROL.first]
    for (let at = 0; at < 100 && asked() === 0; at++) await within(pool.run(address, label, 'caller'))
    const last = asked()
    expect(last).toBeGreaterThan(0)
    await within(pool.run(program(memory, [quick], 2), label, 'caller'))
    expect(asked()).toBe(last)
  })

  test('other work has its turns between many runs', async () => {
    const { memory, pool } = open(2)
    const kernel = pool.add(await moduleThat('nothing'))
    const address = program(memory, [kernel], 2)
    let hasTurn = false
    setTimeout(() => (hasTurn = true), 20)
    while (!hasTurn) await pool.run(address, label, 'caller')
  })

  test('a thread that died is the loss of the pool', async () => {
    const { memory, pool, workers } = open(2)
    const kernel = pool.add(await moduleThat('nothing'))
    await within(pool.run(program(memory, [kernel], 2), label, 'caller'))
    void workers[1].terminate()
    await expect(async () => {
      for (;;) await within(pool.run(program(memory, [kernel], 2), label, 'caller'))
    }).rejects.toThrow('thread 1 of 2 ended')
  })
})

test('where no thread can be started, the pool is lost at once, and those that were are stopped', () => {
  const stopped: number[] = []
  let started = 0
  const spawnTwo = (): PoolWorker => {
    if (started === 2) throw new Error('no more')
    const number = started++
    return { post: () => {}, onMessage: () => {}, onEnd: () => {}, hold: () => {}, terminate: () => stopped.push(number) }
  }
  const pool = createPool(createMemory(), { threads: 3, spawn: spawnTwo, takeTurn })
  expect(pool.lost()?.message).toContain('a thread of 3 did not start: no more')
  expect(stopped).toEqual([0, 1])
})

test('a kernel that is removed before any thread has it is never sent', async () => {
  const posted: KernelMessage[] = []
  const post = (message: unknown): void => void posted.push(message as KernelMessage)
  const worker = { post, onMessage: () => {}, onEnd: () => {}, hold: () => {}, terminate: () => {} }
  const pool = createPool(createMemory(), { threads: 1, spawn: () => worker, takeTurn })
  const module = await moduleThat('nothing')
  const [first, second] = [pool.add(module), pool.add(module)]
  pool.remove(first)
  // no thread answers
  pool.run(0, label).catch(() => {})
  pool.remove(second)
  pool.run(0, label).catch(() => {})
  pool.dispose()
  expect(posted.slice(1)).toEqual([
    { mail: 1, added: [{ number: second, module }], removed: [] },
    { mail: 2, added: [], removed: [second] },
  ])
})

describe('a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-pool-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const START = `
    import { openCpuDevice } from './runtime/node/threads.ts'
    const device = openCpuDevice({ threads: 2 })
    const executionOf = async (wasm) => {
      const compiled = await device.compileKernel({ name: 'k', wasm, ownBytes: 0, places: [], bindings: [] })
      const dispatches = [{ label: 'd', compiled, bindings: [], workgroups: 2 }]
      const { execute } = await device.bind({ label: 'p', dims: [], dispatches, outputs: [], copies: [] })
      return () => execute(() => {}, false)
    }
`
  const wasm = (does: Parameters<typeof bytesThat>[0]): string => JSON.stringify(Buffer.from(bytesThat(does)).toString('base64'))

  /** The output and the exit code of a program; its time ends with the test's. */
  async function run(text: string): Promise<{ readonly output: string; readonly code: number | null }> {
    const outfile = join(folder, 'program.mjs')
    await build({
      stdin: { contents: `${START}${text}`, resolveDir: root, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
    })
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(timer)
    return { output, code }
  }

  test('ends by itself while its device is open and idle', async () => {
    expect(await run(`console.log('opened')`)).toEqual({ output: 'opened\n', code: 0 })
    const text = `const execute = await executionOf(${wasm('nothing')}); await execute(); await execute(); console.log('done')`
    expect(await run(text)).toEqual({ output: 'done\n', code: 0 })
  })

  test('waits for what runs, and for the message of what fails', async () => {
    const text = `const execute = await executionOf(${wasm('trap')})
      for (let at = 0; at < 30; at++) await execute().catch((error) => console.log(error.message))`
    expect(await run(text)).toEqual({ output: 'dispatch d: unreachable\n'.repeat(30), code: 0 })
  })

  test.each(['process.exit(7)', 'device.dispose(); process.exitCode = 7'])('ends by %s while kernels run', async (end) => {
    const text = `const execute = await executionOf(${wasm('loop')})
      execute().catch(() => console.log('lost'))
      setTimeout(() => { ${end} }, 200)`
    expect((await run(text)).code).toBe(7)
  })
})
