/** `smoe debug` finds faults that are planted into a pass, a kernel and a shader, and names them and the line of the spec. */
import { beforeEach, expect, test, vi } from 'vitest'
import { compile, compileGraph, type CompileOptions } from '../../compiler/compile.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { rewrite, rule } from '../../compiler/passes/rewrite.ts'
import { encodeSafetensors } from '../../runtime/index.ts'
import { delinearise } from '../../compiler/kernel/scope/indexing.ts'
import { openScope } from '../../compiler/kernel/scope/context.ts'
import { variable } from '../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../compiler/scalar/expression.ts'
import { feedsOf } from '../../cli/debug/feeds.ts'
import type { Stage } from '../../cli/debug/stage.ts'
import { stagesOf } from '../../cli/debug/stages.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { reachable } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { PORTABLE } from '../../plan/target.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place } from './harness.ts'
import { wgslKernels } from '../support/wgsl.ts'

const planted = vi.hoisted(() => ({ fault: 'none' }))
beforeEach(() => void (planted.fault = 'none'))

// a sum becomes a difference in one pass
vi.mock(import('../../compiler/passes/pipeline.ts'), async (original) => {
  const module = await original()
  return {
    ...module,
    earlyPasses: module.earlyPasses.map((pass) =>
      pass.name === 'constant-folding'
        ? {
            ...pass,
            run: (graph, options) => {
              const after = pass.run(graph, options)
              return planted.fault === 'pass' ? withoutSums(after) : after
            },
          }
        : pass,
    ),
  }
})

const withoutSums = (graph: Graph): Graph =>
  rewrite(graph, [rule('add-as-subtract', 'add', 'x + y  ==>  x - y', ({ inputs }, make) => make('subtract', inputs, {}))])

// a value that has a name is taken for any other element of it, as once
vi.mock(import('../../compiler/kernel/elementwise-kernel.ts'), async (original) => {
  const module = await original()
  return {
    elementwiseKernel: (group, context) => {
      const kernel = module.elementwiseKernel(group, context)
      const { computation } = kernel
      if (planted.fault !== 'kernel' || computation.kind !== 'workgroups') return kernel
      const results = context.fusion.results(group)
      const values = results.length > 1 ? results : reachable(results).filter(({ op }) => op === 'add')
      const named = new Map<Node, Expression>()
      const scope = openScope(context, group.members, (node) => named.get(node) ?? null)
      const element = variable('u32', 'element')
      const names = values.map((node, at): Statement => {
        const value = scope.accessor.at(node, delinearise(element, node.shape))
        named.set(node, variable(node.dtype, `result${at}`))
        scope.accessor.forget()
        return { kind: 'let', name: `result${at}`, value }
      })
      const stores = results.map((node): Statement => {
        const value = scope.accessor.at(node, delinearise(element, node.shape))
        return { kind: 'store', buffer: scope.naming.write(node), index: element, value }
      })
      const [first, guard] = computation.body
      if (guard.kind !== 'if') throw new Error('a guard stands around the stores')
      const body = [first, { ...guard, body: [...names, ...stores] }]
      return { ...kernel, buffers: scope.naming.buffers(), computation: { ...computation, body } }
    },
  }
})

// an exponential becomes another function in the shader alone
vi.mock(import('../../compiler/compile.ts'), async (original) => {
  const module = await original()
  return {
    ...module,
    compile: (source, options: CompileOptions) => {
      const compilation = module.compile(source, options)
      const { plan } = compilation
      if (planted.fault !== 'shader' || plan === null) return compilation
      const kernels = wgslKernels(plan).map((kernel) => ({ ...kernel, wgsl: kernel.wgsl.replaceAll('exp(x)', 'exp2(x)') }))
      return { ...compilation, plan: { ...plan, kernels } }
    },
  }
})

const SPEC = `model small(N: int = 4) {
  input x: f32[B, N]
  param w: f32[N, N]
  let h = x @ w
  let g = exp(h * 0.5) + h
  output y = g
}
`
const numbers = (length: number, from: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(from + i))
const there = (spec: string, rows = 3) =>
  place({
    'small.smoe': spec,
    'x.safetensors': encodeSafetensors({ x: { shape: [rows, 4], data: numbers(4 * rows, 1) } }),
    'w/model.safetensors': encodeSafetensors({ w: { shape: [4, 4], data: numbers(16, 5) } }),
  })
const DEBUG = ['debug', 'small.smoe', '--weights', 'w', '--in', 'x=x.safetensors']

test('says that all stages agree', async () => {
  const { code, out } = await there(SPEC).smoe(...DEBUG, '--device', 'swiftshader')
  expect(out).toContain('all stages agree within the accuracy of the ops')
  expect(out).toMatch(/kernels of program any on the host +1 kernel/)
  expect(out).toMatch(/the whole plan on SwiftShader .* 1 output +none/)
  expect(code).toBe(0)
})

test('names a pass that changes a value, and the line of the spec', async () => {
  planted.fault = 'pass'
  const { code, out, err } = await there(SPEC).smoe(...DEBUG, '--device', 'reference')
  expect([code, err]).toEqual([4, expect.stringContaining('smoe: pass constant-folding of program any changes a value')])
  expect(out).toContain('output y')
  expect(out).toMatch(/small.smoe:5:\d+/)
  expect(out).not.toContain('pass common-subexpressions')
})

const TRANSPOSED = `model small(N: int = 4) {
  input x: f32[N, N]
  param w: f32[N, N]
  let sum = x + w
  output y = sin(sum.T) * sum
}
`

test('names a kernel that computes something else than its graph, and the line of the spec', async () => {
  planted.fault = 'kernel'
  const { code, out, err } = await there(TRANSPOSED, 4).smoe(...DEBUG, '--device', 'reference')
  expect([code, err]).toEqual([4, 'smoe: kernel 1 of program any computes something else than its graph, on the host in f64\n'])
  expect(out.slice(out.indexOf('kernel 1 of')))
    .toBe(`kernel 1 of program any computes something else than its graph, on the host in f64:
  kernel    elementwise, dispatch 1 of 1 in program any
  template  elementwise: each element is computed on its own
  computes  multiply
  value     %5 multiply: f32[4, 4]
  element   [0, 1] is 0.371031529, expected -0.327514305; the allowed error is 8.5e-16

 --> small.smoe:5:14
  |
5 |   output y = sin(sum.T) * sum
  |              ^^^^^^^^^^^^^^^^ computed here
`)
})

async function collect(stages: AsyncGenerator<Stage, void>): Promise<readonly Stage[]> {
  const all: Stage[] = []
  for await (const stage of stages) all.push(stage)
  return all
}

test('names a kernel of several results', async () => {
  planted.fault = 'kernel'
  const graph = parse(
    `graph "g"
%0 = weight name "v" source ["v"] doc "" : f32[4, 4]
%1 = weight name "u" source ["u"] doc "" : f32[4, 4]
%2 = add(%0, %1) : f32[4, 4]
%3 = transpose(%2) order [1, 0] : f32[4, 4]
%4 = sin(%3) : f32[4, 4]
output "v" = %4 replaces "v"
output "u" = %2 replaces "u"`,
    createBuilder().make,
  )
  const { programs, plan } = compileGraph(graph, PORTABLE)
  const weights = Object.fromEntries(
    ['v', 'u'].map((name, at) => [name, hostTensor([4, 4], 'f32', Float64Array.from(numbers(16, at)))]),
  )
  const stages = await collect(stagesOf({ graph, programs, plan: plan! }, feedsOf(graph, {}, weights), null))
  expect(stages.at(-1)?.finding?.kernel?.kernel.does).toBe('add, sin')
  planted.fault = 'none'
})

test('names a kernel that a device computes otherwise, with its shader', async () => {
  planted.fault = 'shader'
  const { code, out, err } = await there(SPEC).smoe(...DEBUG, '--device', 'swiftshader', '--source')
  expect([code, err]).toEqual([
    4,
    expect.stringContaining('kernel 1 of program any computes something else than its graph, on SwiftShader'),
  ])
  expect(out).toContain('computes  contract, multiply, exp, add\n')
  expect(out).toMatch(/small.smoe:5:\d+/)
  expect(out).toContain('return select(exp2(x), x, smoe_is_nan(x));')
})

test('writes the finding for programs', async () => {
  planted.fault = 'kernel'
  const { out } = await there(TRANSPOSED, 4).smoe(...DEBUG, '--device', 'reference', '--format', 'json')
  const { stages, finding } = JSON.parse(out) as {
    stages: readonly object[]
    finding: { indices: number[]; place: object; kernel: object }
  }
  expect(stages.at(-1)).toMatchObject({ stage: 'kernels of program any on the host', compared: '1 kernel' })
  expect(finding).toMatchObject({ indices: [0, 1], place: { path: 'small.smoe', start: { line: 5 } }, kernel: { dispatch: 1 } })
})

const TRAIN = ['debug', 'tiny.smoe', '--train', '--data', 'data.txt'] as const
const training = (errIsLive = false) => place({ 'tiny.smoe': tinySpec(1), 'data.txt': 'abcdefghijkl'.repeat(40) }, '', errIsLive)

test('a step of training: forward and backward pass, and the update', async () => {
  const { code, out, err } = await training().smoe(...TRAIN, '--device', 'cpu')
  expect(code, err + out).toBe(0)
  expect(out).toMatch(/^step: kernels of program \w+ on the host +\d+ kernels/m)
  expect(out).toMatch(/^step: the whole plan on cpu.* \d+ outputs +none/m)
  expect(out).toMatch(/^update: the whole plan on cpu.* \d+ outputs +none/m)
}, 120_000)

test('a step of training in mixed precision, with a fault', async () => {
  planted.fault = 'pass'
  const { code, err } = await training().smoe(...TRAIN, '--device', 'reference', '--precision', 'mixed')
  expect([code, err]).toEqual([4, expect.stringMatching(/pass constant-folding of program \w+ changes a value/)])
}, 120_000)

test.each(['none', 'pass'])(
  'a terminal shows progress, and nothing of it after the end, with a fault in: %s',
  async (fault) => {
    planted.fault = fault
    const { err } = await training(true).smoe(...TRAIN, '--device', 'reference')
    expect(err).toMatch(/\r.*debugging step {2}[█░]+ {2}\d+ %/)
    expect(err.includes('debugging update')).toBe(fault === 'none')
    expect(err.slice(err.lastIndexOf('\r'))).toMatch(/^\r\x1b\[2K(smoe: |$)/)
  },
  120_000,
)

test('progress counts kernels on the host, and a pass that changes the graph as all of its kernels', async () => {
  const source = { path: 'small.smoe', text: SPEC }
  const { graph, programs, plan } = compile(source, { target: PORTABLE, load: () => null })
  const x = { shape: [3, 4], data: numbers(12, 1) }
  const seen: (readonly [number, number])[] = []
  const feeds = feedsOf(graph!, { x }, { w: hostTensor([4, 4], 'f32', Float64Array.from(numbers(16, 5))) })
  await collect(stagesOf({ graph: graph!, programs, plan: plan! }, feeds, null, (done, total) => seen.push([done, total])))
  const kernels = plan!.programs[0].steps.length
  const passes = seen.length - 1 - kernels
  expect(passes).toBeGreaterThan(0)
  const steps = [0, ...Array<number>(passes).fill(kernels), ...Array<number>(kernels).fill(1)]
  const total = kernels * (passes + 1)
  expect(seen).toEqual(steps.map((_, at) => [steps.slice(0, at + 1).reduce((sum, step) => sum + step), total]))
})

test('--train without data is refused', async () => {
  const { code, err } = await training().smoe('debug', 'tiny.smoe', '--train', '--device', 'reference')
  expect([code, err]).toEqual([2, 'smoe: --train needs data\n  give it with --data FILE...\n'])
})
