/** How many parameters a model has, and how many of them one token is multiplied by. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { nodesOf, usersOf } from '../../compiler/graph/walk.ts'
import { isMovement } from '../../compiler/ops/kinds.ts'
import { evaluate, type Dim, type DimValues } from '../../plan/dim.ts'

export interface Parameters {
  readonly all: number
  /** Banks of experts count by the share of their experts that a token goes to; all other weights whole. */
  readonly active: number
}

const elements = (shape: readonly Dim[], sizes: DimValues): number => shape.reduce((all, size) => all * evaluate(size, sizes), 1)

/** The share of a weight that a token uses: of a bank [E, ...], its rows a token over E. */
function shareOf(node: Node, users: ReadonlyMap<Node, readonly Node[]>, tokens: number, sizes: DimValues): number {
  const shares = (users.get(node) ?? []).map((user) => {
    if (isMovement(user) || user.op === 'cast') return shareOf(user, users, tokens, sizes)
    if (user.op !== 'grouped_matmul' || user.inputs[1] !== node) return 1
    const [experts, rows] = [evaluate(node.shape[0], sizes), evaluate(user.inputs[0].shape[0], sizes)]
    return Math.min(1, rows / (tokens * experts))
  })
  return Math.max(0, ...shares)
}

/** For `tokens` tokens in a run of these sizes; a weight that nothing uses is not active. */
export function countParameters(graph: Graph, tokens: number, sizes: DimValues): Parameters {
  const users = usersOf(graph)
  let [all, active] = [0, 0]
  for (const node of nodesOf(graph)) {
    if (node.op !== 'weight') continue
    const count = elements(node.shape, sizes)
    all += count
    const isOutput = graph.outputs.some((output) => output.node === node)
    active += count * (isOutput ? 1 : shareOf(node, users, tokens, sizes))
  }
  return { all, active: Math.round(active) }
}
