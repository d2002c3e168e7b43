/**
 * The cpu device leaves the same bytes whatever runs it: any number of threads, other versions of Node, and a browser, with and
 * without cross-origin isolation and without WebGPU.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type BuildOptions } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { compile } from '../../compiler/compile.ts'
import { createTextModel } from '../../generation/index.ts'
import type { Plan } from '../../plan/plan.ts'
import { CPU } from '../../plan/target.ts'
import { createSession, memoryCheckpoint } from '../../runtime/index.ts'
import { openCpuDevice } from '../../runtime/node/threads.ts'
import { framed } from '../support/check.ts'
import { openCheckpoint } from '../support/checkpoints.ts'
import { launch, scriptBrowserPath } from '../support/chromium.ts'
import type { PageResult, PerformInPage } from '../support/same-bits/page.ts'
import { makeWorks } from '../support/same-bits/works.ts'
import { perform, type Bytes, type Run } from '../support/same-bits/work.ts'
import { load, root } from '../support/sources.ts'

const works = makeWorks()
const folder = mkdtempSync(join(tmpdir(), 'smoe-same-bits-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function performOn(threads: number): Promise<Bytes> {
  const device = openCpuDevice({ threads })
  try {
    return await perform(device, works)
  } finally {
    device.dispose()
  }
}

let expected: Bytes
beforeAll(async () => void (expected = await performOn(1)))

/** The text of a bundle, as a project makes one that keeps names and minifies the rest. */
async function bundle(options: BuildOptions): Promise<string> {
  const common = { bundle: true, write: false, format: 'esm', target: 'es2022', minify: true, keepNames: true } as const
  const { outputFiles } = await build({ absWorkingDir: root, ...options, ...common })
  return outputFiles[0].text
}

test('the results are numbers, and there is one of each kind of work', () => {
  for (const name of ['mixtral: run 0 logits', 'spectral: held moe.router.ev', 'spectral: run 0 y', 'training: state embed'])
    expect(expected[name]).toMatch(/^([0-9a-f]{8})+$/)
  const values = new Float32Array(Uint8Array.from(Buffer.from(Object.values(expected).join(''), 'hex')).buffer)
  expect(values.filter((value) => value !== 0 && Number.isFinite(value)).length).toBeGreaterThan(values.length / 2)
})

test.each([2, 4])('%i threads leave the bytes of one', async (threads) => {
  expect(await performOn(threads)).toEqual(expected)
})

/** `SMOE_OTHER_NODES` names further versions of Node, by the paths of their programs, with colons between them. */
const nodes = (process.env.SMOE_OTHER_NODES ?? '').split(':').filter((path) => path !== '')
if (nodes.length === 0) console.log('no other version of Node: SMOE_OTHER_NODES names none')

test.runIf(nodes.length > 0).each(nodes)('%s leaves the same bytes', async (node) => {
  const [program, input] = [join(folder, 'program.mjs'), join(folder, 'work.json')]
  writeFileSync(program, await bundle({ entryPoints: ['test/support/same-bits/program.ts'], platform: 'node' }))
  writeFileSync(input, JSON.stringify(works))
  const { stdout, stderr, status } = spawnSync(node, [program, input], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual(expected)
})

const path = scriptBrowserPath()
if (path === null) console.log('no browser here: the bytes of pages are not compared')

interface Served {
  readonly type: string
  readonly body: string | Uint8Array
}

/** Serves these files; those below `/isolated` make the page cross-origin isolated, `/refused` allows no Workers of `blob:`. */
function serve(files: Readonly<Record<string, Served>>): Server {
  const policy = { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'" }
  const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
  return createServer(({ url = '' }, response) => {
    const isIsolated = url.startsWith('/isolated')
    const file = Object.hasOwn(files, url.replace('/isolated', '')) ? files[url.replace('/isolated', '')] : null
    if (file === null) return response.writeHead(404).end()
    return response
      .writeHead(200, {
        'content-type': file.type,
        ...(isIsolated && isolation),
        ...(url.endsWith('/refused') && policy),
      })
      .end(file.body)
  }).listen(0, '127.0.0.1')
}

/** What the page of a project does with a compiled model. */
const MODEL_PAGE = `
import { openSafetensors, bytesSource } from 'smoe/runtime'
import { openDevice } from 'smoe/runtime/browser'
import { Mixtral } from './mixtral.ts'
import { Mixtral as Continued } from './continued.ts'

async function open(Model, file, threads) {
  const [plan, weights] = await Promise.all([fetch(file).then((it) => it.json()), fetch('weights').then((it) => it.arrayBuffer())])
  const device = await openDevice({ runs: plan.target, threads })
  return { device, model: await Model.load(device, plan, await openSafetensors(bytesSource(new Uint8Array(weights)))) }
}

globalThis.runModel = async (tokens, threads) => {
  const { device, model } = await open(Mixtral, 'plan.json', threads)
  const { logits } = await model.run({ tokens: { shape: [1, tokens.length], data: Int32Array.from(tokens) } })
  const bytes = [...new Uint8Array(logits.data.buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { bytes, name: device.choice.name, reason: device.choice.reason }
}

globalThis.generateTokens = async (tokens, threads, options) => {
  const { model } = await open(Continued, 'continued.json', threads)
  const read = async (signal) => {
    const ids = []
    try {
      for await (const { id } of model.generate(tokens, { ...options, signal })) ids.push(id)
    } catch (reason) {
      return { ids, reason: String(reason) }
    }
    return { ids, reason: null }
  }
  const stop = new AbortController()
  setTimeout(() => stop.abort('a timer of the page'), 20)
  const aborted = await read(stop.signal)
  return { aborted, whole: await read() }
}
`

async function modelPage(plan: Plan, continued: Plan): Promise<string> {
  writeFileSync(join(folder, 'mixtral.ts'), generateBindings(plan))
  writeFileSync(join(folder, 'continued.ts'), generateBindings(continued))
  return bundle({
    stdin: { contents: MODEL_PAGE, resolveDir: folder, loader: 'ts' },
    alias: {
      'smoe/runtime': join(root, 'runtime/index.ts'),
      'smoe/runtime/browser': join(root, 'runtime/browser/index.ts'),
      'smoe/generation': join(root, 'generation/index.ts'),
    },
  })
}

/** What a page tells of an answer; the reason of an abort. */
interface Told {
  readonly ids: readonly number[]
  readonly reason: string | null
}

/** The options of an answer that is long enough to be aborted. */
const ANSWER = { maxTokens: 400, temperature: 0.9, topK: 30, seed: 7 } as const

/** The fixture, of which a text of so many tokens is kept. */
function continuedPlan(): Plan {
  const { spec } = openCheckpoint(join(root, 'test/fixtures/checkpoints/mixtral'))
  const { plan, diagnostics } = compile(spec, { load, target: CPU, state: { sequences: 1, longest: 500 }, last: { logits: 1 } })
  if (plan === null) throw new Error(framed(diagnostics))
  return plan
}

/** What Node generates. */
async function answerOf(plan: Plan, { checkpoint }: Run, prompt: readonly number[]): Promise<readonly number[]> {
  const device = openCpuDevice({ threads: 2 })
  try {
    const session = await createSession(device, plan)
    const tensors = Object.entries(checkpoint).map(([name, { shape, values }]) => [
      name,
      { shape, data: Float32Array.from(values) },
    ])
    await session.loadWeights(memoryCheckpoint(Object.fromEntries(tensors)), { allowExtra: true })
    const ids: number[] = []
    for await (const { id } of createTextModel(session).generate(prompt, ANSWER)) ids.push(id)
    return ids
  } finally {
    device.dispose()
  }
}

const INLINE = 'one thread: the page is not cross-origin isolated (COOP and COEP headers)'

/** Where a page is, the threads it asks for, and what it is told. */
const PAGES = [
  { where: '/isolated/', threads: 1, name: 'cpu, 1 thread', reason: 'it was asked for' },
  { where: '/isolated/', threads: 2, name: 'cpu, 2 threads', reason: 'it was asked for' },
  { where: '/isolated/', threads: 4, name: 'cpu, 4 threads', reason: 'it was asked for' },
  { where: '/', threads: 4, name: 'cpu, 1 thread', reason: `it was asked for; ${INLINE}` },
] as const

describe.runIf(path !== null)('a page in a browser without WebGPU', () => {
  let browser: Browser
  let server: Server
  let continued: Plan
  beforeAll(async () => {
    const html = (script: string): Served => ({
      type: 'text/html',
      body: `<!doctype html><script type="module" src="${script}"></script>`,
    })
    const script = (body: string): Served => ({ type: 'text/javascript', body })
    const mixtral = works.mixtral as Run
    continued = continuedPlan()
    server = serve({
      '/': html('work.js'),
      '/work.js': script(await bundle({ entryPoints: ['test/support/same-bits/page.ts'] })),
      '/refused': html('work.js'),
      '/model': html('model.js'),
      '/model.js': script(await modelPage(mixtral.plan, continued)),
      '/continued.json': { type: 'application/json', body: JSON.stringify(continued) },
      '/plan.json': { type: 'application/json', body: JSON.stringify(mixtral.plan) },
      '/weights': {
        type: 'application/octet-stream',
        body: readFileSync(join(root, 'test/fixtures/checkpoints/mixtral/model.safetensors')),
      },
    })
    browser = await launch(path!)
  }, 120_000)
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  /** A page that has loaded its script; errors in it fail the test by what they leave undone. */
  async function open(place: string): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${place}`)
    return page
  }

  /** What the page's function resolves to. */
  const performIn = (page: Page, threads: number): Promise<PageResult> =>
    page.evaluate(([work, count]) => (globalThis as unknown as { performInPage: PerformInPage }).performInPage(work, count), [
      JSON.stringify(works),
      threads,
    ] as const)

  test.each(PAGES)('at $where, $threads threads: $name', async ({ where, threads, name, reason }) => {
    const result = await performIn(await open(where), threads)
    expect(result).toMatchObject({ name, reason })
    expect(result.bytes).toEqual(expected)
  })

  test('a policy that refuses its Workers is named by the loss of the device', async () => {
    await expect(performIn(await open('/isolated/refused'), 2)).rejects.toThrow(/the device was lost .*worker-src blob:/)
  })

  test.each([
    { where: '/isolated/model', name: 'cpu, 2 threads' },
    { where: '/model', name: 'cpu, 1 thread' },
  ])('a bundled model at $where computes the logits of Node', async ({ where, name }) => {
    const page = await open(where)
    const { values } = (works.mixtral as Run).inputs[0].tokens
    const result = await page.evaluate(
      ([tokens, threads]) =>
        (
          globalThis as unknown as {
            runModel: (tokens: readonly number[], threads: number) => Promise<Omit<PageResult, 'bytes'> & { bytes: string }>
          }
        ).runModel(tokens, threads),
      [values, 2] as const,
    )
    expect(result.name).toBe(name)
    expect(result.reason).toMatch(/^it runs plans for cpu/)
    expect(result.bytes).toBe(expected['mixtral: run 0 logits'])
  })
  test.each(['/isolated/model', '/model'])(
    'a bundled model at %s generates the tokens of Node, and ends once it is aborted',
    async (where) => {
      const page = await open(where)
      const prompt = (works.mixtral as Run).inputs[0].tokens.values
      const { aborted, whole } = await page.evaluate(
        ([tokens, threads, options]) =>
          (
            globalThis as unknown as {
              generateTokens: (
                tokens: readonly number[],
                threads: number,
                options: unknown,
              ) => Promise<Record<'aborted' | 'whole', Told>>
            }
          ).generateTokens(tokens, threads, options),
        [prompt, 2, ANSWER] as const,
      )
      const ids = await answerOf(continued, works.mixtral as Run, prompt)
      expect(whole).toEqual({ ids, reason: null })
      expect(aborted.reason).toBe('a timer of the page')
      expect(aborted.ids.length).toBeLessThan(ids.length)
      expect(ids.slice(0, aborted.ids.length)).toEqual(aborted.ids)
    },
  )
})
