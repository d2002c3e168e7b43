/** Fusion of a graph that is given as text, as text. */
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import { nodesOf } from '../../../compiler/graph/walk.ts'
import { fuse } from '../../../compiler/kernel/fusion/fuse.ts'
import { listRefused } from '../../../compiler/kernel/fusion/list-refused.ts'
import { UNCONSTRAINED, type SplitConstraints } from '../../../compiler/kernel/fusion/split-constraints.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'

export const graphOf = (...lines: readonly string[]): Graph => parse(['graph "g"', ...lines, ''].join('\n'), createBuilder().make)

/** The nodes of a graph by their numbers in its text. */
export function nodeAt(graph: Graph): (number: number) => Node {
  const nodes = nodesOf(graph)
  const least = Math.min(...nodes.map(({ id }) => id))
  return (number) => nodes.find(({ id }) => id === least + number)!
}

export interface Setting {
  readonly target?: Target
  readonly constraints?: (at: (number: number) => Node) => SplitConstraints
}

/** Each group as `matmul: contract sin`, with what it refused as `, not sum: another iteration space`. */
export function groupsOf(graph: Graph, { target = PORTABLE, constraints }: Setting = {}): readonly string[] {
  const { groups, refused } = fuse(graph, target, constraints?.(nodeAt(graph)) ?? UNCONSTRAINED)
  return groups.map((group) => {
    const ops = [...group.members].map(({ op }) => op).join(' ')
    const not = listRefused(refused(group)).map((one) => `, not ${one.ops}: ${one.reason}`)
    return `${group.kind}: ${ops}${not.join('')}`
  })
}
