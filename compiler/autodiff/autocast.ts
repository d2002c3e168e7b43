/** Autocast: operands and results of matmuls become f16, and are stored as such. */
import { MOVEMENTS, isMatmul, movedFrom, type Movement } from '../graph/families.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { isOp, nodesOf } from '../graph/walk.ts'
import { createBuilder, NONE } from '../ops/build.ts'
import { rebuildInto, withNodes } from '../ops/rebuild.ts'

export interface AutocastOptions {
  /** Weights of which an f16 copy is kept: matmuls read the copy. */
  readonly weights: ReadonlySet<string>
  /** Instances that stay in f32, matmuls included: routers. */
  readonly excluded: readonly string[]
}

type Excluded = AutocastOptions['excluded']

const isExcluded = ({ origin: { instance } }: Node, excluded: Excluded): boolean =>
  excluded.some((one) => instance === one || instance.startsWith(`${one}/`))

const isCastMatmul = (node: Node, excluded: Excluded): boolean => isMatmul(node) && !isExcluded(node, excluded)

const factorsOf = (matmul: Node): readonly Node[] => matmul.inputs.slice(0, 2)

/** Movements that a matmul reads through: its operand is stored before them. */
const READ_THROUGH: ReadonlySet<OpName> = new Set<Movement>(['reshape', 'transpose', 'broadcast', 'take'])

const storedOperand = (node: Node): Node => movedFrom(node, READ_THROUGH)

/** The weight that a matmul reads, whole or in part. */
function weightBehind(node: Node): string | null {
  const source = movedFrom(node, MOVEMENTS)
  return isOp(source, 'weight') ? source.params.name : null
}

/** Weights that matmuls read. */
export const readByMatmuls = (graph: Graph, excluded: Excluded): ReadonlySet<string> =>
  new Set(
    nodesOf(graph)
      .filter((node) => isCastMatmul(node, excluded))
      .flatMap(factorsOf)
      .flatMap((operand) => weightBehind(operand) ?? []),
  )

/** Nodes that are summands of weight gradients and nothing else: gradients are accumulated in f32. */
function gradientSummands({ outputs }: Graph, nodes: readonly Node[]): ReadonlySet<Node> {
  const isGradient = ({ role }: Output): boolean => role?.kind === 'gradient'
  const others = new Set(outputs.filter((output) => !isGradient(output)).map(({ node }) => node))
  const found = new Set(outputs.filter(isGradient).flatMap(({ node }) => (others.has(node) ? [] : [node])))
  const elsewhere = new Set<Node>(others)
  for (const node of nodes.toReversed()) {
    const isSummand = found.has(node) && !elsewhere.has(node) && !isMatmul(node)
    for (const input of node.inputs) (isSummand ? found : elsewhere).add(input)
  }
  return new Set([...found].filter((node) => !elsewhere.has(node)))
}

function castNodes(graph: Graph, nodes: readonly Node[], excluded: Excluded): ReadonlySet<Node> {
  const gradients = gradientSummands(graph, nodes)
  const cast = new Set<Node>()
  for (const node of nodes) {
    if (!isCastMatmul(node, excluded)) continue
    if (!gradients.has(node)) cast.add(node)
    for (const operand of factorsOf(node).map(storedOperand))
      if (operand.inputs.length > 0 && !isExcluded(operand, excluded)) cast.add(operand)
  }
  return cast
}

/** Every reader of a value that is cast reads the cast one, so that it is stored once. An output as such is not cast. */
export function autocast(graph: Graph, { weights, excluded }: AutocastOptions): Graph {
  const builder = createBuilder()
  const nodes = nodesOf(graph)
  const cast = castNodes(graph, nodes, excluded)
  /** Old node -> its value as others read it. */
  const read = new Map<Node, Node>(
    graph.inputs.map((input) => [input, builder.make('input', [], input.params, input.origin) as Node]),
  )
  // W  ==>  f16.W, also below movements
  const f16Copy = (node: Node): Node => {
    if (!isOp(node, 'weight')) {
      const operands = [f16Copy(node.inputs[0]), ...node.inputs.slice(1).map((input) => read.get(input)!)]
      return builder.make(node.op, operands, node.params as never, node.origin) as Node
    }
    const { name, shape } = node.params
    return builder.make('variable', [], { role: { kind: 'f16_copy', of: name }, shape }, node.origin) as Node
  }
  const operandOf = (node: Node): Node => (weights.has(weightBehind(node) ?? '') ? f16Copy(node) : read.get(node)!)
  const made = rebuildInto(builder, graph, (node, _, make) => {
    const inputs = node.inputs.map((input, at) => (at < 2 && isCastMatmul(node, excluded) ? operandOf(input) : read.get(input)!))
    const f32 = make(node.op, inputs, node.params as never)
    read.set(node, cast.has(node) ? make('cast_f16', [f32], NONE) : f32)
    return f32
  })
  return withNodes(graph, made)
}
