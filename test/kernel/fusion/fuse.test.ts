import { describe, expect, it } from 'vitest'
import { PORTABLE } from '../../../plan/target.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { fuse } from '../../../compiler/kernel/fusion/fuse.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'

/** Values that a group reads before a group leaves them. */
function readTooEarly(graph: Graph): readonly string[] {
  const { groups, isMaterialized, results } = fuse(graph, PORTABLE)
  const left = new Set<Node>()
  const late: string[] = []
  const read = (node: Node, members: ReadonlySet<Node>): void => {
    if (members.has(node) || left.has(node)) return
    if (isMaterialized(node) && node.inputs.length > 0) late.push(`${node.op} %${node.id}`)
    else node.inputs.forEach((input) => read(input, members))
  }
  for (const group of groups) {
    for (const member of group.members) member.inputs.forEach((input) => read(input, group.members))
    for (const result of results(group)) left.add(result)
  }
  return late
}

describe('groups', () => {
  it('read nothing of one another in a circle, also through a value older than both', () => {
    // rows of the largest of x, and what is divided by the sum of ones: a product of x / sum stands between them
    const text = `graph "circle"
dim T
%0 = constant values [1] : f32[]
%1 = broadcast(%0) axes [] : f32[T]
%2 = sum(%1) axis 0 : f32[]
%3 = broadcast(%2) axes [] : f32[T, 4]
%4 = input name "x" : f32[T, 4]
%5 = weight name "w" source ["w"] doc "" : f32[4, 4]
%6 = max(%4) axis 1 : f32[T]
%7 = divide(%0, %2) : f32[]
%8 = broadcast(%7) axes [] : f32[T]
%9 = multiply(%6, %8) : f32[T]
%10 = divide(%4, %3) : f32[T, 4]
%11 = contract(%10, %5) batch [] over [[1, 1]] : f32[T, 4]
%12 = broadcast(%6) axes [0] : f32[T, 4]
%13 = divide(%11, %12) : f32[T, 4]
%14 = sum(%13) axis 1 : f32[T]
%15 = divide(%9, %14) : f32[T]
output "y" = %15
`
    expect(readTooEarly(parse(text, createBuilder().make))).toEqual([])
  })
})
