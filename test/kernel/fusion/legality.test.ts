/** The one legality of fusion: what it refuses whichever rule proposes it, and that all groups of a result pass it. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import { emptyDraft, type Draft } from '../../../compiler/kernel/fusion/draft.ts'
import { Drafts } from '../../../compiler/kernel/fusion/drafts.ts'
import { factsOf } from '../../../compiler/kernel/fusion/facts.ts'
import { fuse } from '../../../compiler/kernel/fusion/fuse.ts'
import { refusal } from '../../../compiler/kernel/fusion/legality.ts'
import type { Refusal } from '../../../compiler/kernel/not-fused.ts'
import { UNCONSTRAINED, type SplitConstraints } from '../../../compiler/kernel/fusion/split-constraints.ts'
import type { Group, GroupKind } from '../../../compiler/kernel/group.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { compileTraining } from '../../../compiler/train.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import { assertProperty, fuzzTimeout } from '../../support/property.ts'
import { samples } from '../../support/random-graph.ts'
import { productSamples } from '../../support/random-products.ts'
import { load, read, root } from '../../support/sources.ts'

const graphOf = (text: string): Graph => parse(`graph "g"\n${text}`, createBuilder().make)

/** Groups under construction over a graph, and its nodes by their numbers in the text. */
function begun(text: string, constraints: (at: (id: number) => Node) => SplitConstraints = () => UNCONSTRAINED) {
  const facts = factsOf(graphOf(text))
  const least = Math.min(...facts.nodes.map(({ id }) => id))
  const at = (id: number): Node => facts.nodes.find((node) => node.id === least + id)!
  return { at, drafts: new Drafts(facts, PORTABLE, constraints(at)) }
}

describe('a matmul that multiplies one of its own group', () => {
  const text = `%0 = weight name "v" source ["v"] doc "" : f32[4, 4]
%1 = weight name "u" source ["u"] doc "" : f32[4, 4]
%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[4, 4]
%3 = contract(%0, %2) batch [] over [[1, 1]] : f32[4, 4]
%4 = multiply(%3, %2) : f32[4, 4]
%5 = top_k(%4) k 2 : i32[4, 2]
output "v" = %2 replaces "v"
output "chosen" = %5`

  it('is refused as a sibling beside its reader', () => {
    const { at, drafts } = begun(text)
    const draft = drafts.begin('matmul', at(2))!
    expect(drafts.offer(draft, [at(3), at(4)])).toMatchObject({ kind: 'self-read', matmul: at(3), operand: at(2) })
    expect([...draft.members]).toEqual([at(2)])
  })

  it('is refused where its operand joins it', () => {
    const { at, drafts } = begun(text)
    expect(drafts.offer(drafts.begin('matmul', at(3))!, [at(2), at(4)])).toMatchObject({ kind: 'self-read' })
  })

  it('is refused as a group from the start', () => {
    const { at, drafts } = begun(text)
    expect(drafts.begin('matmul', at(2), [at(3), at(4)])).toBeNull()
    expect(drafts.groupOf(at(2))).toBeUndefined()
  })

  it('is refused as the scores of a gate that has its operand', () => {
    const { at, drafts } = begun(text)
    const rows = drafts.begin('rows', at(5), [at(4)])!
    expect(drafts.absorb(rows, drafts.begin('matmul', at(3))!)).toBeNull()
    expect(drafts.absorb(rows, drafts.begin('matmul', at(2))!)).toMatchObject({ kind: 'self-read' })
  })

  it('is in no group of the result, and listed there', () => {
    const { groups, refused } = fuse(graphOf(text), PORTABLE)
    const kinds = groups.flatMap((group) => refused(group).map((each) => each.refusal.kind))
    expect(kinds).toContain('self-read')
  })
})

const X = '%0 = input name "x" : f32[6, 4]\n%1 = weight name "w" source ["w"] doc "" : f32[4, 4]\n'
const CONTRACT = `${X}%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]\n`
type Case = readonly [kind: Refusal['kind'], group: GroupKind, anchor: number, added: readonly number[], text: string]

const CASES: readonly Case[] = [
  ['iteration space', 'matmul', 2, [3], `${CONTRACT}%3 = sum(%2) axis 1 : f32[6]\noutput "y" = %3`],
  [
    'iteration space',
    'rows',
    1,
    [2],
    '%0 = input name "x" : f32[4, 4]\n%1 = sum(%0) axis 1 : f32[4]\n%2 = sum(%1) axis 0 : f32[]\noutput "y" = %2',
  ],
  [
    'own kernel',
    'rows',
    1,
    [4],
    '%0 = input name "x" : f32[6, 4]\n%1 = top_k(%0) k 2 : i32[6, 2]\n%2 = expert_histogram(%1) experts 4 block 8 : i32[1, 4]\n%3 = reshape(%1) : i32[12]\n%4 = position_in_expert(%3, %2) experts 4 : i32[12]\noutput "y" = %4',
  ],
  [
    'cycle',
    'matmul',
    2,
    [5],
    `${CONTRACT}%3 = max(%2) axis 1 : f32[6]\n%4 = broadcast(%3) axes [0] : f32[6, 4]\n%5 = subtract(%2, %4) : f32[6, 4]\noutput "y" = %5`,
  ],
  [
    'workgroup memory',
    'rows',
    3,
    [2],
    '%0 = input name "x" : f32[6, 4]\n%1 = weight name "w" source ["w"] doc "" : f32[4000, 4]\n%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4000]\n%3 = top_k(%2) k 2 : i32[6, 2]\noutput "y" = %3',
  ],
]

test.each(CASES)('%s: a %s group of node %i refuses node %j', (kind, group, anchor, added, text) => {
  const { at, drafts } = begun(text)
  expect(drafts.offer(drafts.begin(group, at(anchor))!, added.map(at))).toMatchObject({ kind })
})

test('a split node joins no group, nor one of another group', () => {
  const text = `${CONTRACT}%3 = sin(%2) : f32[6, 4]\n%4 = exp(%2) : f32[6, 4]\noutput "y" = %3\noutput "z" = %4`
  const { at, drafts } = begun(text, (node) => ({ materialized: new Set(), split: new Set([node(3)]) }))
  const draft = drafts.begin('matmul', at(2))!
  expect(drafts.offer(draft, [at(3)])).toEqual({ kind: 'split constraint' })
  drafts.begin('elementwise', at(4))
  expect(drafts.offer(draft, [at(4)])).toEqual({ kind: 'fused elsewhere', anchor: at(4) })
})

/** Why a group of a result is not legal as a whole; null for one that is. */
function illegal(graph: Graph, groups: readonly Group[], group: Group, target: Target): Refusal | null {
  const facts = factsOf(graph)
  const groupOf = new Map(groups.flatMap((one) => [...one.members].map((node) => [node, one] as const)))
  const situation = {
    ...facts,
    target,
    constraints: UNCONSTRAINED,
    groupOf: (node: Node) => groupOf.get(node),
    floorOf: () => 0,
  }
  return refusal(situation, emptyDraft(group.kind, group.anchor), [...group.members], group as Draft & Group)
}

/** Values that a group reads before a group stores them: none, where groups have no cycle. */
function readTooEarly(graph: Graph, target: Target): readonly string[] {
  const { groups, isMaterialized, results } = fuse(graph, target)
  const stored = new Set<Node>()
  const early: string[] = []
  for (const group of groups) {
    const seen = new Set([...group.members].flatMap((member) => member.inputs.filter((input) => !group.members.has(input))))
    for (const node of seen) {
      if (stored.has(node)) continue
      if (isMaterialized(node) && node.inputs.length > 0) early.push(`${node.op} %${node.id}`)
      else for (const input of node.inputs) seen.add(input)
    }
    for (const node of results(group)) stored.add(node)
  }
  return early
}

function expectLegal(graph: Graph, target: Target): void {
  const { groups } = fuse(graph, target)
  for (const group of groups) expect(illegal(graph, groups, group, target)).toBeNull()
  expect(readTooEarly(graph, target)).toEqual([])
}

describe('every group of a result is legal as a whole, and groups have no cycle', () => {
  const variants = ['decode', 'prefill'] as const

  it.each(variants)(
    'random graphs, %s',
    (variant) => {
      assertProperty(
        fc.property(samples(160), ({ graph }) => expectLegal(optimise(graph, { variant, block: 4, tile: 4 }).graph, PORTABLE)),
        150,
      )
    },
    fuzzTimeout(60_000),
  )

  it.each(variants)(
    'random matmuls, %s',
    (variant) => {
      assertProperty(
        fc.property(productSamples(1), ({ graph }) =>
          expectLegal(optimise(graph, { variant, block: 4, tile: 4 }).graph, PORTABLE),
        ),
        150,
      )
    },
    fuzzTimeout(60_000),
  )

  it('the programs of training', () => {
    const source = read(`${root}examples/11-train-a-small-model.smoe`)
    const { graphs } = compileTraining(source, { load, set: { L: 1, F: 8, D: 8, H: 2, E: 4, V: 9 } })
    const all = [graphs!.step(['layers.0/moe'], false), graphs!.step([], true), graphs!.update()]
    for (const graph of all) expectLegal(optimise(graph, { variant: 'prefill', block: 4, tile: 4 }).graph, PORTABLE)
  }, 60_000)
})
