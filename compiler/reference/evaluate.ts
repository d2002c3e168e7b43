/** The reference interpreter: evaluates any graph in f64, each node by the reference semantics of its op. */
import { evaluate as sizeOf } from '../../plan/dim.ts'
import { weightPath } from '../../plan/weight-path.ts'
import type { Graph, Node } from '../graph/node.ts'
import type { OpParams } from '../graph/vocabulary.ts'
import { lastUsers, nodesOf, reachable } from '../graph/walk.ts'
import { recordOf } from '../ops/records.ts'
import type { OpRecord, Surroundings } from '../ops/record.ts'
import { typeText } from '../ops/shapes.ts'
import { bindDims, bindTensor, type Feeds } from './bind.ts'
import { EvaluationError, swapLastTwo, type HostTensor } from './tensor.ts'

export type { Feeds }

/** A weight `p^T`, as passes name it, is the feed `p` with its last two axes swapped. */
function weightOf(
  { name, shape }: Pick<OpParams['weight'], 'name' | 'shape'>,
  feeds: Feeds,
  dims: Surroundings['dims'],
): HostTensor {
  const bind = (path: string, sizes: OpParams['weight']['shape']): HostTensor =>
    bindTensor({ name: path, dtype: 'f32', shape: sizes }, feeds.weights, 'the weight', dims)
  const path = weightPath(name)
  if (path === name || Object.hasOwn(feeds.weights, name)) return bind(name, shape)
  const [rows, columns] = shape.slice(-2)
  return swapLastTwo(bind(path, [...shape.slice(0, -2), columns, rows]))
}

/** What leaves of a graph evaluate to. Throws an EvaluationError where an input or a weight is missing or does not fit. */
export function surround(graph: Graph, feeds: Feeds): Surroundings {
  const dims = bindDims(graph, feeds.inputs)
  return {
    dims,
    input: (declared) => bindTensor(declared, feeds.inputs, 'the input', dims),
    weight: (declared) => weightOf(declared, feeds, dims),
  }
}

function checkResult(node: Node, result: HostTensor, dims: Surroundings['dims']): void {
  const fits = node.shape.map((size) => sizeOf(size, dims)).join() === result.shape.join() && node.dtype === result.dtype
  if (fits) return
  throw new Error(`${node.op} %${node.id} is ${typeText(node)}, its evaluation gave ${result.dtype}[${result.shape.join(', ')}]`)
}

/** One node from the values of its operands. An EvaluationError names the instance it happened in. */
export function evaluateNode(node: Node, operands: readonly HostTensor[], surroundings: Surroundings): HostTensor {
  const record = recordOf(node.op) as OpRecord<never>
  try {
    const result = record.evaluate(operands, node.params as never, surroundings)
    checkResult(node, result, surroundings.dims)
    return result
  } catch (error) {
    if (!(error instanceof EvaluationError) || node.inputs.length === 0) throw error
    throw new EvaluationError(`${error.message} (${node.op}${node.origin.instance === '' ? '' : ` in ${node.origin.instance}`})`)
  }
}

/**
 * The outputs by name. Values are freed after their last use. Throws an EvaluationError where a feed is missing or does not fit,
 * or an id is out of range.
 */
export function evaluate(graph: Graph, feeds: Feeds): Record<string, HostTensor> {
  const surroundings = surround(graph, feeds)
  const last = lastUsers(graph)
  const values = new Map<Node, HostTensor>()
  for (const node of nodesOf(graph)) {
    values.set(
      node,
      evaluateNode(
        node,
        node.inputs.map((input) => values.get(input)!),
        surroundings,
      ),
    )
    for (const input of node.inputs) if (last.get(input) === node) values.delete(input)
  }
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, values.get(node)!]))
}

/** The values of single nodes, to look into a graph; nothing else is computed than what they need. */
export function evaluateNodes(graph: Graph, nodes: readonly Node[], feeds: Feeds): ReadonlyMap<Node, HostTensor> {
  const surroundings = surround(graph, feeds)
  const values = new Map<Node, HostTensor>()
  for (const node of reachable(nodes)) {
    values.set(
      node,
      evaluateNode(
        node,
        node.inputs.map((input) => values.get(input)!),
        surroundings,
      ),
    )
  }
  return new Map(nodes.map((node) => [node, values.get(node)!]))
}
