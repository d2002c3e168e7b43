/**
 * Gradients of a whole layer beside differences of its losses, where what is stopped stands still and nothing is decided
 * otherwise.
 */
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { copy, rebuild } from '../../compiler/ops/rebuild.ts'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { weightNodes } from '../support/weights.ts'

/** The graph with values as outputs beside its own, named by place. */
const telling = (graph: Graph, name: string, tell: (node: Node) => boolean): Graph => ({
  ...graph,
  outputs: [
    ...graph.outputs,
    ...nodesOf(graph)
      .filter(tell)
      .map((node, at) => ({ name: `${name}.${at}`, node, doc: '' })),
  ],
})

/** What is stopped becomes an input, so that it does not move with its operand. */
function frozen(graph: Graph): { readonly graph: Graph; readonly fixed: (feeds: Feeds) => Feeds } {
  const isStopped = (node: Node): boolean => isOp(node, 'stop_gradient')
  const told = telling(graph, 'stopped', isStopped)
  const names = new Map(told.outputs.slice(graph.outputs.length).map(({ name, node }) => [node, name]))
  const inputs: Node[] = []
  const still = rebuild(graph, (node, operands, make) => {
    if (!isStopped(node)) return copy(node, operands, make)
    const input = make('input', [], { name: names.get(node)!, dtype: node.dtype, shape: node.shape })
    inputs.push(input)
    return input
  })
  return {
    graph: { ...still, inputs: [...still.inputs, ...inputs] as Graph['inputs'] },
    fixed: (feeds) => {
      const values = evaluate(told, feeds)
      return {
        ...feeds,
        inputs: { ...feeds.inputs, ...Object.fromEntries([...names.values()].map((name) => [name, values[name]])) },
      }
    },
  }
}

/** Whole numbers and truth values that numbers settle: choices and sides of corners. */
const isDecision = (node: Node): boolean => node.dtype !== 'f32' && node.inputs.some(({ dtype }) => dtype === 'f32')

export interface Gap {
  readonly loss: string
  /** The largest difference between a gradient and a difference, beside the largest gradient of the loss. */
  readonly miss: number
  readonly worst: string
  /** Leaves that the loss reaches with a gradient. */
  readonly reached: readonly string[]
}

/** A feed, by the kind of leaf and its name. */
interface Leaf {
  readonly kind: keyof Feeds
  readonly name: string
}

const STEP = 1e-3

/** The input that no gradient is asked for. */
export const COTANGENT = 'cotangent'

const moved = (feeds: Feeds, { kind, name }: Leaf, element: number, by: number): Feeds => {
  const tensor = feeds[kind][name]
  const values = tensor.values.slice()
  values[element] += by
  return { ...feeds, [kind]: { ...feeds[kind], [name]: { ...tensor, values } } }
}

/**
 * Central differences of the fourth order by every element of every f32 input and of every weight, for each loss by itself. Null
 * where a decision is another one nearby, so that differences say nothing.
 */
export function gapsOf(graph: Graph, losses: readonly string[], feeds: Feeds): readonly Gap[] | null {
  const leaves: readonly Leaf[] = [
    ...Object.keys(feeds.inputs)
      .filter((name) => feeds.inputs[name].dtype === 'f32' && name !== COTANGENT)
      .map((name) => ({ kind: 'inputs' as const, name })),
    ...weightNodes(graph).map(({ params: { name } }) => ({ kind: 'weights' as const, name })),
  ]
  const still = frozen(graph)
  const base = still.fixed(feeds)
  const told = telling(still.graph, 'decision', isDecision)
  const decided = told.outputs.flatMap(({ name }) => (name.startsWith('decision.') ? [name] : []))
  const decisions = (values: Readonly<Record<string, HostTensor>>): string =>
    decided.map((name) => values[name].values.join()).join(';')
  const here = decisions(evaluate(told, base))
  const by = leaves.map(({ name }) => name)
  const gradients = losses.map((loss) => evaluate(differentiate(graph, { losses: [loss], by }), feeds))
  const gaps = losses.map(() => ({ most: 0, gap: 0, worst: '', reached: new Set<string>() }))
  for (const leaf of leaves) {
    for (let element = 0; element < feeds[leaf.kind][leaf.name].values.length; element++) {
      const points = [1, -1, 2, -2].map((k) => evaluate(told, moved(base, leaf, element, k * STEP)))
      if (points.some((values) => decisions(values) !== here)) return null
      losses.forEach((loss, at) => {
        const [a, b, c, d] = points.map((values) => values[loss].values[0])
        const gradient = gradients[at][`gradient.${leaf.name}`].values[element]
        const gap = Math.abs((8 * (a - b) - (c - d)) / (12 * STEP) - gradient)
        const seen = gaps[at]
        if (gradient !== 0) seen.reached.add(leaf.name)
        seen.most = Math.max(seen.most, Math.abs(gradient))
        if (gap >= seen.gap || Number.isNaN(gap)) Object.assign(seen, { gap, worst: `${leaf.name}[${element}]` })
      })
    }
  }
  return gaps.map(({ most, gap, worst, reached }, at) => ({
    loss: losses[at],
    miss: gap / (most || 1),
    worst,
    reached: [...reached],
  }))
}
