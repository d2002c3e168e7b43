/**
 * What a well-formed graph is:
 * - an operand's id is below its user's, and no id stands twice;
 * - nodes are frozen, and no two are alike in op, operands and parameters;
 * - types are as inferred, and every symbol in them is declared;
 * - `inputs` holds every input, ascending, each name once; a weight's name stands once; so does an output's;
 * - what replaces a weight is as large as it, known in size, and the only one to do so;
 * - an output replaces what its role says;
 * - every op may appear at this stage, and relations between ops hold that types cannot say.
 */
import { isConstant, symbolsOf, type Dim } from '../../plan/dim.ts'
import { replacementProblem } from '../../plan/output-role.ts'
import { transposedName } from '../../plan/weight-path.ts'
import type { Graph, Node, Output } from './node.ts'
import { paramsText } from './params.ts'
import type { DType, OpName } from './vocabulary.ts'
import { isOp, isState, nodesOf, stateIn, stateNameOf } from './walk.ts'

/** What a stage expects, as the records of the ops tell it. */
export interface Spec {
  readonly stage: string
  readonly allows: (op: OpName) => boolean
  readonly infer: (node: Node) => { readonly shape: readonly Dim[]; readonly dtype: DType } | { readonly error: string }
  /** What is wrong between a node and those it reads; null where nothing is. */
  readonly relation: (node: Node) => string | null
}

const label = ({ id, op, origin }: Node): string => `%${id} ${op}${origin.instance === '' ? '' : ` (${origin.instance})`}`

const typeKey = (type: { readonly shape: readonly Dim[]; readonly dtype: DType }): string =>
  `${type.dtype}[${type.shape.map((size) => size.key).join(', ')}]`

const isOfType = ({ shape, dtype }: Node, type: { readonly shape: readonly Dim[]; readonly dtype: DType }): boolean =>
  dtype === type.dtype && shape.length === type.shape.length && shape.every((size, axis) => size === type.shape[axis])

function duplicates<T>(items: readonly T[], key: (item: T) => string): readonly string[] {
  const seen = new Set<string>()
  const found: string[] = []
  for (const item of items) {
    const text = key(item)
    if (seen.has(text)) found.push(text)
    seen.add(text)
  }
  return found
}

const isDim = (value: unknown): value is Dim => typeof value === 'object' && value !== null && 'terms' in value

/** Sizes that are no numbers, in the type of a node and its parameters. */
function* openSizesOf(node: Node): Generator<Dim> {
  for (const size of node.shape) if (!isConstant(size)) yield size
  if (node.op === 'constant') return
  for (const value of Object.values(node.params) as readonly unknown[]) {
    for (const each of Array.isArray(value) ? (value as readonly unknown[]) : [value])
      if (isDim(each) && !isConstant(each)) yield each
  }
}

function undeclaredIn(node: Node, declared: ReadonlySet<string>): string | undefined {
  for (const size of openSizesOf(node)) for (const name of symbolsOf(size)) if (!declared.has(name)) return name
  return undefined
}

function* checkNode(node: Node, declared: ReadonlySet<string>, spec: Spec): Generator<string> {
  const late = node.inputs.find((input) => input.id >= node.id)
  if (late) yield `${label(node)} reads %${late.id}, which is not below it`
  if (!Object.isFrozen(node)) yield `${label(node)} is not frozen`
  if (!spec.allows(node.op)) yield `${label(node)} may not appear at the stage '${spec.stage}'`
  const type = spec.infer(node)
  if ('error' in type) yield `${label(node)}: ${type.error}`
  else if (!isOfType(node, type)) yield `${label(node)} is ${typeKey(node)}, inferred ${typeKey(type)}`
  const unknown = undeclaredIn(node, declared)
  if (unknown !== undefined) yield `${label(node)} uses the undeclared dimension ${unknown}`
  const relation = spec.relation(node)
  if (relation !== null) yield `${label(node)}: ${relation}`
}

function* checkLeaves(graph: Graph, nodes: readonly Node[]): Generator<string> {
  const given = new Set<Node>(graph.inputs)
  const stray = nodes.find((node) => isOp(node, 'input') && !given.has(node))
  if (stray) yield `${label(stray)} is not among the graph's inputs`
  if (graph.inputs.some((input, i) => i > 0 && input.id <= graph.inputs[i - 1].id)) yield 'the inputs do not ascend'
  for (const name of duplicates(graph.inputs, (input) => input.params.name)) yield `two inputs are called ${name}`
  for (const name of duplicates(nodes.filter(isState), stateNameOf)) yield `two weights or variables are called ${name}`
  for (const name of duplicates(graph.outputs, (output) => output.name)) yield `two outputs are called ${name}`
  for (const name of duplicates(graph.dims, (size) => size.name)) yield `two dimensions are called ${name}`
}

function* checkReplacements(graph: Graph, nodes: readonly Node[]): Generator<string> {
  const replacing = graph.outputs.filter((output): output is Output & { replaces: string } => output.replaces !== undefined)
  for (const name of duplicates(replacing, ({ replaces }) => replaces)) yield `two outputs replace the weight ${name}`
  const weights = stateIn(nodes)
  for (const { name, role, replaces } of graph.outputs) {
    const problem = role === undefined ? null : replacementProblem(role, replaces)
    if (problem !== null) yield `the output ${name}: ${problem}`
  }
  for (const { name, node, replaces } of replacing) {
    const weight = weights.get(replaces)
    const open = node.shape.find((size) => !isConstant(size))
    if (node.dtype !== 'f32') yield `the output ${name} replaces a weight, and is ${node.dtype}`
    if (open !== undefined) yield `the output ${name} replaces a weight, and has the symbolic size ${open.key}`
    if (weight !== undefined && typeKey(weight) !== typeKey(node))
      yield `the output ${name} is ${typeKey(node)}, the weight it replaces ${typeKey(weight)}`
    if (weights.has(transposedName(replaces))) yield `the weight ${replaces} is replaced, and read transposed`
  }
}

const identity = (node: Node): string =>
  `${node.op}(${node.inputs.map((input) => input.id).join(', ')}) ${paramsText(node.op, node.params as never)} : ${typeKey(node)}`

/** All that is wrong, a sentence each; nothing for a graph as it should be. */
export function verify(graph: Graph, spec: Spec): readonly string[] {
  const nodes = nodesOf(graph)
  const declared = new Set(graph.dims.map(({ name }) => name))
  return [
    ...duplicates(nodes, ({ id }) => `id ${id} stands twice`),
    ...duplicates(nodes, identity).map((text) => `two nodes are ${text}`),
    ...nodes.flatMap((node) => [...checkNode(node, declared, spec)]),
    ...checkLeaves(graph, nodes),
    ...checkReplacements(graph, nodes),
  ]
}
