/** Whether two graphs compute the same from weights of the same names, wherever a checkpoint has these. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { paramsText } from '../../compiler/graph/params.ts'

/** The first nodes that differ; null where one of them ends earlier. */
export interface Difference {
  readonly one: Node | null
  readonly other: Node | null
}

/** Nodes that the outputs need, each after its operands, in an order that the operands alone tell. */
function ordered(graph: Graph): readonly Node[] {
  const done = new Set<Node>()
  const open: Node[] = graph.outputs.map(({ node }) => node).reverse()
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const next = done.has(node) ? undefined : node.inputs.find((input) => !done.has(input))
    if (next !== undefined) open.push(next)
    else {
      done.add(node)
      open.pop()
    }
  }
  return [...done]
}

const sizes = ({ shape }: Node): string => shape.map((size) => size.key).join(', ')

/** What a node is, without its place in a file and in a text. */
function identityOf(node: Node, numbers: ReadonlyMap<Node, number>): string {
  const params = node.op === 'weight' ? node.params.name : paramsText(node.op, node.params as never)
  const operands = node.inputs.map((input) => numbers.get(input)).join(', ')
  return `${node.op}(${operands}) ${params} ${node.dtype}[${sizes(node)}]`
}

interface Line {
  readonly node: Node
  readonly text: string
}

function linesOf(graph: Graph): readonly Line[] {
  const nodes = ordered(graph)
  const numbers = new Map(nodes.map((node, at) => [node, at]))
  const outputs = graph.outputs.map(({ name, node }): Line => ({ node, text: `output ${name} ${numbers.get(node)}` }))
  return [...nodes.map((node): Line => ({ node, text: identityOf(node, numbers) })), ...outputs]
}

/** null where the graphs are the same. */
export function difference(one: Graph, other: Graph): Difference | null {
  const [a, b] = [linesOf(one), linesOf(other)]
  for (let at = 0; at < Math.max(a.length, b.length); at++)
    if (a[at]?.text !== b[at]?.text) return { one: a[at]?.node ?? null, other: b[at]?.node ?? null }
  return null
}
