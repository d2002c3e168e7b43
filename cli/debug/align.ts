/**
 * A graph beside the one that it was made of: its nodes are matched with those of the other by their values. A matched node goes
 * on with the value of the other and without an error, so that the bounds of a comparison hold rounding of the rewritten region
 * alone.
 */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { boundedNode, evaluateBounded, exactly, type Bounded } from '../../compiler/reference/error-bounds.ts'
import { evaluateNodes, surround } from '../../compiler/reference/evaluate.ts'
import { F64 } from '../../compiler/reference/precision.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { compare, type Comparison } from './compare.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { usage } from './feeds.ts'

/** A graph with the value of each node, in f64. */
export interface Evaluated {
  readonly graph: Graph
  readonly feeds: Feeds
  readonly values: ReadonlyMap<Node, HostTensor>
}

export const evaluated = (graph: Graph, feeds: Feeds): Evaluated => ({
  graph,
  feeds,
  values: usage(() => evaluateNodes(graph, nodesOf(graph), feeds)),
})

export interface Aligned {
  /** Each output of the later graph beside its namesake. */
  readonly outputs: readonly Comparison[]
  /** Whether the earlier graph has a node with the values of a node. */
  readonly isMatched: (node: Node) => boolean
}

/** Values this close, relative to the largest, are taken for the same ones where the error bounds agree. */
const NEAR = 2 ** -26

/** The largest difference of determined elements, relative to the largest value; infinite beyond `NEAR`. */
function distanceOf({ value, error }: Bounded, other: HostTensor): number {
  const largest = other.values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0)
  let worst = 0
  for (let i = 0; i < error.length; i++) {
    const [a, b] = [value.values[i], other.values[i]]
    if (a === b || error[i] === Infinity || (Number.isNaN(a) && Number.isNaN(b))) continue
    worst = Math.max(worst, Math.abs(a - b) / largest)
    if (!(worst <= NEAR)) return Infinity
  }
  return worst
}

const keyOf = ({ dtype, values }: HostTensor): string => `${dtype} ${values.length}`

const between = (got: Bounded, want: Bounded): Comparison =>
  compare(got.value.values, { value: want.value, error: want.error.map((e, i) => e + got.error[i]) }, F64)

const reshaped = (one: Bounded, { shape, dtype }: HostTensor): Bounded => ({ ...one, value: { ...one.value, shape, dtype } })

export function align(before: Evaluated, after: Evaluated): Aligned {
  const candidates = new Map<string, Node[]>()
  for (const [node, value] of before.values) candidates.set(keyOf(value), [...(candidates.get(keyOf(value)) ?? []), node])
  /** Nodes of the earlier graph that one of the later was matched with. */
  const anchors = new Map<Node, Bounded>()
  const surroundings = [before, after].map(({ graph, feeds }) => surround(graph, feeds))
  const errorOf = (node: Node): Bounded => evaluateBounded([node], anchors, surroundings[0], F64).get(node)!

  const found = new Map<Node, Bounded>()
  const matched = new Set<Node>()
  for (const node of nodesOf(after.graph)) {
    const operands = node.inputs.map((input) => found.get(input)!)
    const own = boundedNode(node, operands, surroundings[1], F64)
    const nearest = (candidates.get(keyOf(own.value)) ?? [])
      .map((other) => ({ other, distance: distanceOf(own, before.values.get(other)!) }))
      .filter(({ distance }) => distance <= NEAR)
      .toSorted((a, b) => a.distance - b.distance)
    const match = nearest.find(({ other }) => between(own, reshaped(errorOf(other), own.value)).mismatch === null)
    if (match === undefined) {
      found.set(node, own)
      continue
    }
    matched.add(node)
    const value = before.values.get(match.other)!
    anchors.set(match.other, exactly(value))
    found.set(node, { value: { ...value, shape: own.value.shape }, error: own.error.map((e) => (e === Infinity ? e : 0)) })
  }

  const wanted = new Map(before.graph.outputs.map(({ name, node }) => [name, node]))
  return {
    outputs: after.graph.outputs.map(({ name, node }) => between(found.get(node)!, errorOf(wanted.get(name)!))),
    isMatched: (node) => matched.has(node),
  }
}
