/** Graph -> graph: what matrix products read and give is rounded to f16, and lies in memory as such. */
import { f16CopyName } from '../../plan/update.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp, nodesOf } from '../graph/walk.ts'
import { createBuilder, NONE } from '../ops/build.ts'
import { gradientOutput } from './differentiate.ts'

export interface AutocastOptions {
  /** Weights of which a rounded copy lies beside them: products read that. */
  readonly weights: ReadonlySet<string>
  /** Instances whose numbers stay as they are, and whose products: routers. */
  readonly apart: readonly string[]
}

type Apart = AutocastOptions['apart']

const isApart = ({ origin: { instance } }: Node, apart: Apart): boolean =>
  apart.some((one) => instance === one || instance.startsWith(`${one}/`))

const PRODUCTS: ReadonlySet<string> = new Set<Node['op']>(['contract', 'grouped_matmul', 'grouped_weight_gradient'])

const isProduct = (node: Node, apart: Apart): boolean => PRODUCTS.has(node.op) && !isApart(node, apart)

const operandsOf = (product: Node): readonly Node[] => product.inputs.slice(0, 2)

/** What a product reads in memory, behind what only says where its elements lie. */
function sourceOf(node: Node): Node {
  const isMoved = node.op === 'reshape' || node.op === 'transpose' || node.op === 'broadcast' || node.op === 'take'
  return isMoved ? sourceOf(node.inputs[0]) : node
}

/** The weight that a product reads as it is, or a part of it. */
function weightBehind(node: Node): string | null {
  const source = sourceOf(node)
  return isOp(source, 'weight') ? source.params.name : source.op === 'slice' ? weightBehind(source.inputs[0]) : null
}

/** Weights that products read. */
export const readByMatmuls = (graph: Graph, apart: Apart): ReadonlySet<string> =>
  new Set(
    nodesOf(graph)
      .filter((node) => isProduct(node, apart))
      .flatMap(operandsOf)
      .flatMap((operand) => weightBehind(operand) ?? []),
  )

/** Products that are parts of weights' gradients and of nothing else: those are f32. */
function gradientParts({ outputs }: Graph, nodes: readonly Node[]): ReadonlySet<Node> {
  const start = gradientOutput('')
  const others = new Set(outputs.filter(({ name }) => !name.startsWith(start)).map(({ node }) => node))
  const found = new Set(outputs.filter(({ name, node }) => name.startsWith(start) && !others.has(node)).map(({ node }) => node))
  const elsewhere = new Set<Node>(others)
  for (const node of nodes.toReversed()) {
    const isPart = found.has(node) && !elsewhere.has(node) && !PRODUCTS.has(node.op)
    for (const input of node.inputs) (isPart ? found : elsewhere).add(input)
  }
  return new Set([...found].filter((node) => !elsewhere.has(node)))
}

function roundedNodes(graph: Graph, nodes: readonly Node[], apart: Apart): ReadonlySet<Node> {
  const gradients = gradientParts(graph, nodes)
  const rounded = new Set<Node>()
  for (const node of nodes) {
    if (!isProduct(node, apart)) continue
    if (!gradients.has(node)) rounded.add(node)
    for (const source of operandsOf(node).map(sourceOf))
      if (source.inputs.length > 0 && !isApart(source, apart)) rounded.add(source)
  }
  return rounded
}

/** Everything that reads a rounded number reads it rounded, so that it lies in memory once. What is an output is not rounded as such. */
export function autocast(graph: Graph, { weights, apart }: AutocastOptions): Graph {
  const builder = createBuilder()
  const nodes = nodesOf(graph)
  const rounded = roundedNodes(graph, nodes, apart)
  const made = new Map<Node, Node>()
  const halves = new Map<Node, Node>()
  const read = (node: Node): Node => halves.get(node) ?? made.get(node)!
  // W  ==>  half.W, also where it is moved about
  const fromHalf = (node: Node): Node => {
    if (!isOp(node, 'weight'))
      return builder.make(
        node.op,
        [fromHalf(node.inputs[0]), ...node.inputs.slice(1).map(read)],
        node.params as never,
        node.origin,
      ) as Node
    const { name, shape, doc } = node.params
    return builder.make(
      'weight',
      [],
      { name: f16CopyName(name), shape, source: { pieces: [], stacked: false, half: true }, doc },
      node.origin,
    ) as Node
  }
  const operand = (node: Node): Node => (weights.has(weightBehind(node) ?? '') ? fromHalf(node) : read(node))
  for (const node of nodes) {
    const inputs = node.inputs.map((input, at) => (at < 2 && isProduct(node, apart) ? operand(input) : read(input)))
    made.set(node, builder.make(node.op, inputs, node.params as never, node.origin) as Node)
    if (rounded.has(node)) halves.set(node, builder.make('cast_f16', [made.get(node)!], NONE, node.origin) as Node)
  }
  return {
    ...graph,
    inputs: graph.inputs.map((input) => made.get(input) as typeof input),
    outputs: graph.outputs.map((output) => ({ ...output, node: made.get(output.node)! })),
  }
}
