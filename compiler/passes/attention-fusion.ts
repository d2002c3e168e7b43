/**
 * Fused attention: what is an attention by its ops becomes one op, before gradients are taken, so that neither pass has a tensor
 * of all scores. Masks that positions make become a band, which is no tensor at all.
 */
import { constantValue } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { isOp, usersOf } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import { isMovement } from '../ops/kinds.ts'
import type { Maker } from '../ops/maker.ts'
import { copy, rebuild } from '../ops/rebuild.ts'
import { buildAttention, hasPlaceForPast, hasPlaceForSinks } from './attention/build.ts'
import { matchAttention, type AttentionMatch } from './attention/match.ts'
import { ignore, type Fired } from './rewrite.ts'

/** The widest keys and values that a kernel holds in memory of its own. */
const MOST_WIDTH = 512

const hasKernel = ({ query, value }: AttentionMatch): boolean =>
  [query, value].every(({ node, labels }) => (constantValue(node.shape[labels.indexOf(null)]) ?? Infinity) <= MOST_WIDTH)

/** Whether elements of a node lie in a format other than f32, which the kernel does not decode. */
const isStored = (node: Node): boolean =>
  isOp(node, 'weight') ? node.params.source.format !== undefined : isMovement(node) && node.inputs.some(isStored)

/** Apart from sinks, which are a number a head. */
const hasPlainOperands = ({ query, key, value, masks }: AttentionMatch): boolean =>
  [query, key, value, ...masks].every(({ node }) => !isStored(node))

/** The node over a copy of its weight in f32, which is made as weights are loaded, where it lies in another format. */
function decoded(make: Maker, node: Node): Node {
  if (!isStored(node)) return node
  if (isOp(node, 'weight'))
    return make('compute_at_load', [make('optimization_barrier', [node], NONE)], { name: `${node.params.name}.f32` })
  return copy(
    node,
    node.inputs.map((input) => decoded(make, input)),
    make,
  )
}

/** By the last contraction: the attentions whose scores nothing else reads. */
function matchesIn(graph: Graph): ReadonlyMap<Node, AttentionMatch> {
  const users = usersOf(graph)
  const outputs = new Set(graph.outputs.map(({ node }) => node))
  const isInner = (node: Node, last: Node, inner: ReadonlySet<Node>): boolean =>
    !outputs.has(node) && users.get(node)!.every((user) => user === last || inner.has(user))
  return new Map(
    [...users.keys()].flatMap((node) => {
      const match = matchAttention(node)
      if (match === null || !hasPlaceForSinks(match) || !hasPlaceForPast(match) || !hasKernel(match) || !hasPlainOperands(match))
        return []
      return [...match.inner].every((own) => isInner(own, node, match.inner)) ? [[node, match] as const] : []
    }),
  )
}

// contract(softmax(mask(cap(scale * contract(q, k)))), v)  ==>  attention(q, k, v)
export function fuseAttention(graph: Graph, fired: Fired = ignore): Graph {
  const matches = matchesIn(graph)
  if (matches.size === 0) return graph
  const made = new Map<Node, Node>()
  return rebuild(graph, (node, inputs, make) => {
    node.inputs.forEach((input, at) => made.set(input, inputs[at]))
    const match = matches.get(node)
    if (match === undefined) return copy(node, inputs, make)
    fired('fuse-attention')
    return buildAttention(make, match, (old) => decoded(make, made.get(old)!), node.shape)
  })
}
