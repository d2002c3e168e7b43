/**
 * `npm run bench:attention`: causal attention of 8 heads of width 64, forward and with gradients, fused and as the ops that it is
 * written with, on devices of smoe and in PyTorch, in turns. Fused and unfused results are compared before anything is timed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { withDevices, type NamedDevice } from '../../cli/bench/devices.ts'
import { createRandom, normal } from '../../cli/random.ts'
import { std } from '../../cli/std.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { fuseAttention } from '../../compiler/passes/attention-fusion.ts'
import { parse } from '../../grammar/parse.ts'
import type { Source } from '../../grammar/source.ts'
import { createSession, type Session } from '../../runtime/session.ts'

const HEADS = 8
const WIDTH = 64

const SPEC = `import { attend } from "std/blocks/attention"
model attention() {
  input q: f32[B, S, ${HEADS}, ${WIDTH}]
  input k: f32[B, S, ${HEADS}, ${WIDTH}]
  input v: f32[B, S, ${HEADS}, ${WIDTH}]
  let answer = attend(q, k, v, 1.0 / sqrt(${WIDTH}))
  output y: f32[B, S, ${HEADS * WIDTH}] = answer
  output loss: f32[] = sum(sum(sum(answer * answer, axis = 2), axis = 1), axis = 0) / 2.0
}`

/** A module of the standard library, by its path or as its neighbours name it. */
function fromStd(path: string, from: Source): Source | null {
  const name = path.startsWith('std/') ? path : join(dirname(from.path), path)
  return name in std ? { path: `${name}.smoe`, text: std[name] } : null
}

function written(): Graph {
  const { file } = parse({ path: 'attention.smoe', text: SPEC })
  const { model, diagnostics } = check(file, { load: fromStd })
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return lower(model)
}

const only = (graph: Graph, names: (name: string) => boolean): Graph => ({
  ...graph,
  outputs: graph.outputs.filter(({ name }) => names(name)),
})

/** What is timed, by name. */
const CASES: Readonly<Record<string, (graph: Graph) => Graph>> = {
  forward: (graph) => only(graph, (name) => name === 'y'),
  gradients: (graph) =>
    only(differentiate(graph, { losses: ['loss'], by: ['q', 'k', 'v'] }), (name) => name.startsWith('gradient')),
}

/** Milliseconds: from the beginning to the end, and of all threads, which other processes on the machine do not change. */
interface Time {
  readonly wall: number
  readonly cpu: number
}

interface Runner {
  readonly name: string
  readonly run: () => Promise<Time>
  readonly results: (() => Promise<Readonly<Record<string, ArrayLike<number>>>>) | null
  readonly end: () => void
}

const problem = (S: number) => {
  const next = createRandom(1)
  const tensor = () => Float32Array.from({ length: S * HEADS * WIDTH }, () => normal(next, 1))
  return Object.fromEntries(['q', 'k', 'v'].map((name) => [name, { shape: [1, S, HEADS, WIDTH], data: tensor() }]))
}

async function ours({ name, device }: NamedDevice, graph: Graph, S: number, what: string): Promise<Runner> {
  const { plan, diagnostics } = compileGraph(graph, device.target)
  if (plan === null) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  const session: Session = await createSession(device, plan)
  const inputs = problem(S)
  return {
    name: `${name}, ${what}`,
    run: async () => {
      const [start, before] = [performance.now(), process.cpuUsage()]
      await session.run(inputs)
      const { user, system } = process.cpuUsage(before)
      return { wall: performance.now() - start, cpu: (user + system) / 1000 }
    },
    results: async () =>
      Object.fromEntries(Object.entries(await session.run(inputs)).map(([output, { data }]) => [output, data])),
    end: () => session.dispose(),
  }
}

const TORCH = `
import sys, time, torch
import torch.nn.functional as F
torch.set_num_threads(2)
for line in sys.stdin:
    case, S = line.split()
    q, k, v = [torch.randn(1, ${HEADS}, int(S), ${WIDTH}, requires_grad=case == 'gradients') for _ in range(3)]
    start, used = time.perf_counter(), time.process_time()
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if case == 'gradients': (y * y).sum().div(2).backward()
    print((time.perf_counter() - start) * 1000, (time.process_time() - used) * 1000, flush=True)
`

function torch(python: string): { readonly runner: (what: string, S: number) => Runner; readonly process: ChildProcess } {
  const child = spawn(python, ['-c', TORCH], { stdio: ['pipe', 'pipe', 'ignore'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const runner = (what: string, S: number): Runner => ({
    name: 'torch',
    run: async () => {
      child.stdin.write(`${what} ${S}\n`)
      const [wall, cpu] = String((await answers.next()).value)
        .split(' ')
        .map(Number)
      return { wall, cpu }
    },
    results: null,
    end: () => {},
  })
  return { runner, process: child }
}

function compare(
  name: string,
  got: Readonly<Record<string, ArrayLike<number>>>,
  want: Readonly<Record<string, ArrayLike<number>>>,
): void {
  for (const [output, values] of Object.entries(want)) {
    const all = Array.from(values)
    const most = all.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
    const error = all.reduce((largest, value, at) => Math.max(largest, Math.abs(value - got[output][at])), 0)
    if (!(error <= 1e-4 * most)) throw new Error(`${name}: ${output} is off by ${error} of ${most}`)
  }
}

async function measure(devices: readonly NamedDevice[], python: string, sizes: readonly number[], rounds: number): Promise<void> {
  const graph = written()
  const beside = torch(python)
  beside.process.on('error', () => process.stderr.write('torch is not timed: there is no such Python\n'))
  for (const S of sizes)
    for (const [what, make] of Object.entries(CASES)) {
      const runners: Runner[] = []
      for (const device of devices) {
        const pair = [await ours(device, make(fuseAttention(graph)), S, 'fused'), await ours(device, make(graph), S, 'unfused')]
        const [fused, unfused] = await Promise.all(pair.map((each) => each.results!()))
        compare(pair[0].name, fused, unfused)
        runners.push(...pair)
      }
      if (beside.process.pid !== undefined) runners.push(beside.runner(what, S))
      for (const { run } of runners) for (let warm = 0; warm < 3; warm++) await run()
      const times = runners.map((): Time[] => [])
      for (let round = 0; round < rounds; round++) for (const [at, { run }] of runners.entries()) times[at].push(await run())
      const least = (at: number, of: keyof Time): string => Math.min(...times[at].map((time) => time[of])).toFixed(2)
      const words = runners.map(({ name }, at) => `${name} ${least(at, 'wall')} (${least(at, 'cpu')})`)
      process.stdout.write(`S=${S} ${what}, least ms (of all threads): ${words.join('; ')}\n`)
      for (const { end } of runners) end()
    }
  beside.process.kill()
}

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    device: { type: 'string', default: 'cpu' },
    sizes: { type: 'string', default: '128,512,2048' },
    rounds: { type: 'string', default: '9' },
  },
})
const terminal = processTerminal()
await withDevices({ device: values.device }, terminal, (devices) =>
  measure(devices, values.python, values.sizes.split(',').map(Number), Number(values.rounds)),
)
