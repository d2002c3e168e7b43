/** Kernels in WebAssembly, each with the values that it would be given on the host, beside the host's in f64. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { evaluate as sizeOf } from '../../plan/dim.ts'
import { CPU, type Target } from '../../plan/target.ts'
import { isState, liveNodes } from '../../compiler/graph/walk.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { evaluateKernels, type Memory } from '../../compiler/kernel/ir/evaluate.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import { schedule } from '../../compiler/kernel/schedule.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { bindDims } from '../../compiler/reference/bind.ts'
import { evaluateBounded, exactly } from '../../compiler/reference/error-bounds.ts'
import { evaluate, evaluateNodes, surround, type Feeds } from '../../compiler/reference/evaluate.ts'
import { F32 } from '../../compiler/reference/precision.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { assertProperty } from '../support/property.ts'
import { graphOf } from '../support/graph.ts'
import { feedsOf } from '../support/random.ts'
import { read } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'
import { samples } from '../support/random-graph.ts'
import { createWasmKernel } from '../support/wasm-kernel.ts'
import { inRun, MORE_IN_LONG, shareOf } from '../support/runs.ts'

function runKernel(
  program: KernelProgram,
  values: ReadonlyMap<Node, Float64Array>,
  dims: Readonly<Record<string, number>>,
): ReadonlyMap<Node, Float64Array> {
  const kernel = createWasmKernel(program, dims)
  for (const { name, node, access } of program.buffers)
    if (access === 'read' || isState(node)) kernel.write(name, values.get(node)!)
  kernel.run()
  const stored = program.buffers.filter(({ access }) => access === 'read_write')
  return new Map(stored.map(({ name, node }) => [node, kernel.read(name)]))
}

const rounded = (node: Node, values: Float64Array): Float64Array => (node.dtype === 'f32' ? values.map(Math.fround) : values)

const counted = { kernels: 0, templates: new Map<string, number>() }

/** Whether some finite value on the way is beyond f32, where the host in f64 goes on with numbers that a device has not. */
const exceedsF32 = (graph: Graph, feeds: Feeds): boolean =>
  [...evaluateNodes(graph, liveNodes(graph), feeds).values()].some(({ values }) =>
    values.some((x) => Number.isFinite(x) && !Number.isFinite(Math.fround(x))),
  )

/** What rounding inside of a kernel may change of each element of a node: the remainder of a large number may be any. */
function boundsOf(node: Node, given: ReadonlyMap<Node, Float64Array>, graph: Graph, feeds: Feeds): Float64Array {
  const dims = bindDims(graph, feeds.inputs)
  const known = [...given].map(([{ shape, dtype }, values]) =>
    exactly(
      hostTensor(
        shape.map((size) => sizeOf(size, dims)),
        dtype,
        values,
      ),
    ),
  )
  const nodes = new Map([...given.keys()].map((one, at) => [one, known[at]]))
  return evaluateBounded([node], nodes, surround(graph, feeds), F32).get(node)!.error
}

/** Every kernel alone, beside the host. */
function compareAll(graph: Graph, feeds: Feeds, target: Target, variant: 'decode' | 'prefill'): void {
  const optimised = optimise(graph, { variant, block: 4, tile: 4 }).graph
  const { kernels } = schedule(optimised, target, variant)
  const dims = bindDims(graph, feeds.inputs)
  const memory: Memory = new Map()
  for (const node of liveNodes(optimised)) {
    if (node.op === 'input') memory.set(node, rounded(node, feeds.inputs[node.params.name].values))
    if (isState(node) || (node.op === 'constant' && node.shape.length > 0))
      memory.set(node, rounded(node, evaluate({ ...optimised, outputs: [{ name: 'it', node, doc: '' }] }, feeds).it.values))
  }
  for (const program of kernels) {
    const given = new Map([...memory].map(([node, values]) => [node, values.slice()]))
    evaluateKernels([program], memory, dims)
    for (const { node, access } of program.buffers)
      if (access === 'read_write') memory.set(node, rounded(node, memory.get(node)!))
    counted.kernels++
    counted.templates.set(program.template, (counted.templates.get(program.template) ?? 0) + 1)
    const got = runKernel(program, given, dims)
    for (const [node, values] of got) {
      const want = memory.get(node)!
      let bounds: Float64Array | null = null
      const isRounding = (i: number): boolean =>
        Math.abs(want[i] - values[i]) <= 2 * (bounds ??= boundsOf(node, given, optimised, feeds))[i]
      const size = want.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1)
      want.forEach((value, i) => {
        // what no thread stores
        if (node.dtype !== 'f32' && Number.isNaN(value)) return
        const ok =
          Object.is(value, values[i]) ||
          value === values[i] ||
          (Number.isNaN(value) && Number.isNaN(values[i])) ||
          Math.abs(value - values[i]) <= 1e-5 * size
        if (!ok && !isRounding(i) && !(Number.isFinite(value) && !Number.isFinite(values[i]) && exceedsF32(optimised, feeds)))
          throw new Error(
            `${program.template} ${program.name}: ${node.op} %${node.id}[${i}] is ${values[i]}, not ${value}\n${printKernel(program)}`,
          )
      })
    }
  }
}

it.each(['decode', 'prefill'] as const)('%s tokens', MORE_IN_LONG, (variant) => {
  assertProperty(
    fc.property(samples(160), ({ graph, feeds }) => compareAll(graph, feeds, CPU, variant)),
    inRun({ short: 40, long: 150, whole: 150 }),
  )
  expect(counted.kernels).toBeGreaterThan(0)
})

const SPECS = [
  '01-first-routed-layer',
  '02-own-policy',
  '03-attention',
  '05-shared-experts',
  '06-once-and-training',
  '08-choices',
  '09-soft-experts',
  '11-train-a-small-model',
]

const cases = SPECS.flatMap((name) => (['decode', 'prefill'] as const).map((variant) => [name, variant] as const))

it.each(shareOf(cases, 7))('%s, %s', MORE_IN_LONG, (name, variant) => {
  const graph = graphOf(read(`examples/${name}.smoe`))
  const feeds = feedsOf(graph, { B: variant === 'decode' ? 2 : 70, S: 5, T: 70 }, { seed: 3 })
  compareAll(graph, { inputs: feeds.inputs, weights: weightsOf(graph, feeds.checkpoint) }, CPU, variant)
})
