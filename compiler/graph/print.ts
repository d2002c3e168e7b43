/** The graph as text that parses back; nodes are numbered densely, operands first. */
import { roleText } from '../../plan/output-role.ts'
import type { Graph, Node, Output } from './node.ts'
import { paramsText } from './params.ts'
import { nodesOf } from './walk.ts'

const quoted = (text: string): string => JSON.stringify(text)
const optional = (doc: string): string => (doc === '' ? '' : ` ${quoted(doc)}`)
const typeOf = ({ shape, dtype }: Node): string => `${dtype}[${shape.map((size) => size.key).join(', ')}]`

function nodeLine(node: Node, number: (node: Node) => string): string {
  const operands = node.inputs.length === 0 ? '' : `(${node.inputs.map(number).join(', ')})`
  const params = paramsText(node.op, node.params as never)
  const place = node.origin.instance === '' ? '' : ` @ ${quoted(node.origin.instance)}`
  return `${number(node)} = ${node.op}${operands}${params === '' ? '' : ` ${params}`} : ${typeOf(node)}${place}`
}

function outputLine({ name, node, doc, role, replaces }: Output, number: (node: Node) => string): string {
  const meaning = role === undefined ? '' : ` as ${roleText(role)}`
  const place = replaces === undefined ? '' : ` replaces ${quoted(replaces)}`
  return `output ${quoted(name)} = ${number(node)}${meaning}${place}${optional(doc)}`
}

/** `%12 = contract(%3, %7) batch [] over [[1, 1]] : f32[B*S, 32] @ "layers.0/attention"`, a node a line. */
export function print(graph: Graph): string {
  const numbers = new Map(nodesOf(graph).map((node, i) => [node, `%${i}`]))
  const number = (node: Node): string => numbers.get(node)!
  const lines = [
    `graph ${quoted(graph.name)}${optional(graph.doc)}`,
    ...graph.dims.map(({ name, doc }) => `dim ${name}${optional(doc)}`),
    ...Object.entries(graph.docs).map(([name, doc]) => `doc ${quoted(name)} ${quoted(doc)}`),
    ...[...numbers.keys()].map((node) => nodeLine(node, number)),
    ...graph.outputs.map((output) => outputLine(output, number)),
  ]
  return `${lines.join('\n')}\n`
}
