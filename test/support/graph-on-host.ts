/** A graph through passes and kernels on the host, beside its value by the reference: both in f64, no device needed. */
import { product, evaluate as sizeOf } from '../../plan/dim.ts'
import type { Target } from '../../plan/target.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { isState, liveNodes } from '../../compiler/graph/walk.ts'
import type { Variant } from '../../compiler/kernel/scope/context.ts'
import { evaluateKernels, type Memory } from '../../compiler/kernel/ir/evaluate.ts'
import { memoryOf } from '../../compiler/kernel/scope/memory-of.ts'
import { schedule } from '../../compiler/kernel/schedule.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { bindDims } from '../../compiler/reference/bind.ts'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'

/** Outputs of the kernels, and of the reference, by name. */
export function both(graph: Graph, feeds: Feeds, target: Target, variant: Variant) {
  const optimised = optimise(graph, { variant, block: 4, tile: 4 }).graph
  const { kernels, isMaterialized } = schedule(optimised, target, variant)
  const dims = bindDims(graph, feeds.inputs)
  const memory: Memory = new Map()
  for (const node of liveNodes(optimised)) {
    if (node.op === 'input') memory.set(node, feeds.inputs[node.params.name].values)
    if (isState(node) || (node.op === 'constant' && node.shape.length > 0)) {
      const alone = { ...optimised, outputs: [{ name: 'it', node, doc: '' }] }
      memory.set(node, evaluate(alone, feeds).it.values)
    }
  }
  evaluateKernels(kernels, memory, dims)
  const expected = evaluate(graph, feeds)
  return optimised.outputs.map(({ name, node }) => ({
    name,
    got: memory.get(memoryOf(node, isMaterialized)!)!,
    want: expected[name].values,
    size: sizeOf(product(node.shape), dims),
  }))
}

/** Equal up to the rounding of f64. */
export const close = (a: number, b: number): boolean =>
  Object.is(a, b) ||
  a === b ||
  (Number.isNaN(a) && Number.isNaN(b)) ||
  Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
